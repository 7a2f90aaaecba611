//! `check` tells what works and what does not.

use crate::support::*;

/// Runs `check` beside this test's runtime: exit code and standard output.
async fn check(args: Vec<String>) -> (Option<i32>, String) {
    let output =
        tokio::task::spawn_blocking(move || program().arg("check").args(args).output().unwrap()).await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn what_works_is_told_step_by_step() {
    let authority = Authority::new();
    let identity = authority.identity(|_| {});
    let ca = authority.pem_file();
    let peer = listen_tls(&identity, |tls| converse(tls, b"+OK ready \x1b[31mred\r\n")).await;
    let args =
        ["peer", "--upstream", &upstream("pop3s", peer), "--upstream-ca", &format!("peer={}", ca.path().display())];
    let args: Vec<String> = args.map(str::to_owned).into();
    let (code, said) = check(args.clone()).await;
    assert_eq!(code, Some(0), "{said}");
    for part in [&peer.to_string(), "TLS 1.3", "key: sha256:", "days)", "+OK ready", "UIDL", "can use this mail server"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains('\x1b'), "a server cannot paint the terminal");

    let (code, said) = check([args, vec!["--json".to_owned()]].concat()).await;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["ok"], &report["advice"]), (Some(0), &true.into(), &serde_json::Value::Null));
    let steps: Vec<_> = report["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["addresses", "tcp", "tls", "greeting", "capa"]);
}

#[tokio::test]
async fn what_fails_is_told_with_what_to_do() {
    let own = Identity::self_signed();
    let peer = listen_tls(&own, |tls| converse(tls, b"+OK ready\r\n")).await;
    let url = format!("pop3s://localhost:{}", peer.port());
    let (code, said) = check(vec![url.clone()]).await;
    assert_eq!(code, Some(1));
    for part in ["FAIL  tls", "self-signed", "--upstream-pin", "key: sha256:"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    // The pin that was shown is the pin that helps.
    let shown = said.lines().find_map(|line| line.trim().strip_prefix("key: ")).unwrap();
    let args = ["peer", "--upstream", &format!("peer={url}"), "--upstream-pin", &format!("peer={shown}")];
    assert_eq!(check(args.map(str::to_owned).into()).await.0, Some(0));

    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (code, said) = check(vec![format!("pop3s://{gone}"), "--json".to_owned()]).await;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["ok"]), (Some(1), &false.into()));
    assert!(report["advice"].as_str().unwrap().contains("port"), "{said}");

    assert_eq!(check(vec!["nobody".to_owned()]).await.0, Some(2));
    assert_eq!(check(vec!["pop3s://".to_owned()]).await.0, Some(2));
}

#[tokio::test]
async fn starttls_and_plain_servers_are_checked_too() {
    let authority = Authority::new();
    let ca = authority.pem_file();
    let acceptor = authority.identity(|_| {}).acceptor(rustls::ALL_VERSIONS);
    let peer = listen(move |mut tcp| {
        let acceptor = acceptor.clone();
        async move {
            tokio::io::AsyncWriteExt::write_all(&mut tcp, b"+OK ready\r\n").await.unwrap();
            read_line(&mut tcp).await;
            tokio::io::AsyncWriteExt::write_all(&mut tcp, b"+OK\r\n").await.unwrap();
            converse(acceptor.accept(tcp).await.unwrap(), b"").await;
        }
    })
    .await;
    let args = [
        "peer",
        "--upstream",
        &upstream("pop3+starttls", peer),
        "--upstream-ca",
        &format!("peer={}", ca.path().display()),
    ];
    let (code, said) = check(args.map(str::to_owned).into()).await;
    assert_eq!(code, Some(0), "{said}");

    let peer = listen(|tcp| converse(tcp, b"+OK ready\r\n")).await;
    let (code, said) = check(vec![format!("pop3://{peer}")]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("tls"), "{said}");
}
