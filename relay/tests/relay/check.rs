//! `check` tells what works and what does not.

use crate::support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Runs `check` beside this test's runtime: exit code and standard output.
async fn check(args: Vec<String>) -> (Option<i32>, String) {
    check_with(args, &[]).await
}

/// The same with these variables and none that say whether there are to be colours.
async fn check_with(args: Vec<String>, variables: &'static [(&'static str, &'static str)]) -> (Option<i32>, String) {
    let mut command = program();
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.arg("check").args(args).envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr).matches("...").count(), 0, "no progress where nobody looks");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// The steps of a report for machines, by name.
fn steps(said: &str) -> Vec<(String, serde_json::Value)> {
    let report: serde_json::Value = serde_json::from_str(said).unwrap();
    let steps = report["steps"].as_array().unwrap().iter();
    steps.map(|step| (step["step"].as_str().unwrap().to_owned(), step.clone())).collect()
}

fn names(said: &str) -> Vec<String> {
    steps(said).into_iter().map(|(name, _)| name).collect()
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
    for part in [
        &peer.to_string(),
        "localhost has ",
        "TLS 1.3",
        "key: sha256:",
        "days)",
        "+OK ready",
        "UIDL            messages have names of their own",
        "no PIPELINING is named",
        "can use this mail server",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains('\x1b'), "a server cannot paint the terminal, and no pipe is painted");

    // Colours of ours, and none of the server's.
    for (variables, painted) in [
        (&[("CLICOLOR_FORCE", "1")] as &[_], true),
        (&[("NO_COLOR", "1")], false),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
    ] {
        let (code, said) = check_with(args.clone(), variables).await;
        assert_eq!((code, said.contains('\x1b')), (Some(0), painted), "{variables:?}");
        assert!(said.contains("+OK ready \u{fffd}[31mred"), "{said:?}");
    }

    let (code, said) = check([args, vec!["--json".to_owned()]].concat()).await;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["ok"], &report["advice"]), (Some(0), &true.into(), &serde_json::Value::Null));
    assert_eq!(names(&said), ["name", "addresses", "tcp", "tls", "greeting", "capa"]);
    for (name, step) in steps(&said) {
        assert!(step["ok"] == true && step["milliseconds"].is_u64() && step["says"].is_string(), "{name}: {step}");
        assert_eq!(step["warnings"], serde_json::json!([]), "{name}: {step}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_good_for_days_only_is_warned_about() {
    let authority = Authority::new();
    let ca = authority.pem_file();
    for (days, warned) in [(12, true), (31, false)] {
        let identity = authority.identity(|params| {
            let until = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400 * days + 3600);
            params.not_after = until.into();
        });
        let peer = listen_tls(&identity, |tls| converse(tls, b"+OK ready\r\n")).await;
        let ca = format!("peer={}", ca.path().display());
        let args = ["peer", "--upstream", &upstream("pop3s", peer), "--upstream-ca", &ca].map(str::to_owned);
        let (code, said) = check(args.to_vec()).await;
        assert_eq!((code, said.contains(&format!("expires in {days} days"))), (Some(0), warned), "{said}");
        assert_eq!(said.contains("note"), warned, "{said}");
    }
}

#[tokio::test]
async fn a_server_that_ends_lines_with_lf_alone_works() {
    let peer = listen(|mut tcp| async move {
        tcp.write_all(b"+OK ready\n").await.unwrap();
        let mut asked = [0; 6];
        tcp.read_exact(&mut asked).await.unwrap();
        tcp.write_all(b"+OK\nUIDL\n.\n").await.unwrap();
        let _ = tcp.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let (code, said) = check(vec![format!("pop3://127.0.0.1:{}", peer.port()), "--json".to_owned()]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(names(&said), ["addresses", "tcp", "greeting", "capa"]);
}

#[tokio::test]
async fn every_address_that_was_tried_is_told() {
    let peer = listen(|tcp| converse(tcp, b"+OK ready\r\n")).await;
    // Where the name has no second address, there is nothing to tell.
    let known = tokio::net::lookup_host(("localhost", peer.port())).await.unwrap().collect::<Vec<_>>();
    let (code, said) = check(vec![format!("pop3://localhost:{}", peer.port()), "--json".to_owned()]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(names(&said), ["name", "addresses", "tcp", "greeting", "capa"]);
    let dead = known.iter().position(|address| *address == peer).unwrap();
    let (_, tcp) = &steps(&said)[2];
    let details = tcp["details"].as_array().unwrap();
    assert_eq!(details.len(), dead, "{tcp}");
    for (detail, address) in details.iter().zip(&known) {
        let detail = detail.as_str().unwrap();
        assert!(detail.starts_with(&format!("{address}: ")) && detail.ends_with(" ms)"), "{detail}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_with_what_is_known_by_then() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let peer = listen(move |tcp| {
        let tell = tell.clone();
        async move {
            tell.send(()).unwrap();
            // A server that never greets.
            let _held = tcp;
            std::future::pending::<()>().await;
        }
    })
    .await;
    let mut command = program();
    command.args(["check", &format!("pop3://{peer}"), "--dial-timeout", "50"]).stdout(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    soon(told.recv()).await.unwrap();
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    for part in ["ok    addresses", "stopped by Ctrl-C"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    // The peer may have accepted a little before `check` has heard of that.
    assert!(said.contains("FAIL  greeting") || said.contains("FAIL  tcp"), "{said}");
    assert!(!said.contains("can use this mail server"), "{said}");
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
            tokio::io::AsyncWriteExt::write_all(&mut tcp, b"+OK begin now\r\n").await.unwrap();
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
    let args: Vec<String> = args.map(str::to_owned).into();
    let (code, said) = check(args.clone()).await;
    assert_eq!(code, Some(0), "{said}");
    for part in ["starttls   +OK begin now", "said before TLS", "TLS 1.3"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let (_, said) = check([args, vec!["--json".to_owned()]].concat()).await;
    assert_eq!(names(&said), ["name", "addresses", "tcp", "greeting", "starttls", "tls", "capa"]);

    // A server that has no TLS says so in its own words.
    let peer = listen(|mut tcp| async move {
        tokio::io::AsyncWriteExt::write_all(&mut tcp, b"+OK ready\r\n").await.unwrap();
        read_line(&mut tcp).await;
        tokio::io::AsyncWriteExt::write_all(&mut tcp, b"-ERR no TLS today\r\n").await.unwrap();
    })
    .await;
    let (code, said) = check(vec![format!("pop3+starttls://{peer}")]).await;
    assert_eq!(code, Some(1), "{said}");
    for part in ["FAIL  starttls", "-ERR no TLS today", "pop3s on port 995"] {
        assert!(said.contains(part), "{part} in {said}");
    }

    let peer = listen(|tcp| converse(tcp, b"+OK ready\r\n")).await;
    let (code, said) = check(vec![format!("pop3://{peer}")]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("tls "), "{said}");
    assert!(!said.contains("name "), "an address has no name: {said}");
}
