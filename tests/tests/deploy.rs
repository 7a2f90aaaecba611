//! What is in relay/deploy, read by the programs that it is for: a file that they refuse, or that names what the relay does not
//! have, is found here and not on somebody's server. A program that is not installed is named, and its part is left out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use poplar_tests::certificates::Authority;
use poplar_tests::port::Port;
use poplar_tests::process::Guarded;
use poplar_tests::relay::{Relay, Upstream, program};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, pki_types::ServerName};

/// Flags in the same files that belong to other programs.
const FLAGS_OF_OTHERS: &[&str] =
    &["--cap-drop", "--cert", "--from-file", "--install", "--key", "--now", "--read-only", "--stop-timeout"];

#[tokio::test]
async fn every_flag_and_variable_is_the_relays() {
    let help = stdout(Command::new(program().await.unwrap()).args(["serve", "--help"]));
    let known = words(&help, "--").into_iter().chain(words(&help, "POPLAR_")).collect::<BTreeSet<_>>();
    let mut named = 0;
    // Whose flags are cargo's and apt's.
    for file in files().into_iter().filter(|file| !file.ends_with("Containerfile")) {
        let text = fs::read_to_string(&file).unwrap();
        for word in words(&text, "--").into_iter().chain(words(&text, "POPLAR_")) {
            named += 1;
            let known = known.contains(&word) || FLAGS_OF_OTHERS.contains(&word.as_str());
            assert!(known, "{} names {word}, which the relay does not have", file.display());
        }
    }
    assert!(named > 20, "only {named} flags are named: they are not found any more");
}

#[tokio::test]
async fn every_metric_is_the_relays() {
    let admin = Port::reserve().unwrap();
    let quiet = Port::reserve().unwrap();
    let upstream = Upstream::new("quiet", format!("pop3://{}", quiet.address()), None);
    // Some are of the certificate.
    let dir = tempfile::tempdir().unwrap();
    let identity = Authority::new().unwrap().issue(&["relay.example"]).unwrap();
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    fs::write(&certificate, identity.certificate).unwrap();
    fs::write(&key, identity.key).unwrap();
    let admin_address = admin.address().to_string();
    let arguments = ["--admin-listen", &admin_address, "--tls-cert", &certificate, "--tls-key", &key];
    let _relay = Relay::start(&[upstream], &arguments).await.unwrap();
    let mut stream = TcpStream::connect(admin.address()).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).await.unwrap();
    let (known, codes) = (words(&metrics, "poplar_"), codes(&metrics));
    assert!(known.len() > 5 && codes.len() > 10, "{metrics}");
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        for word in words(&text, "poplar_") {
            assert!(known.contains(&word), "{} names {word}, which the relay does not count", file.display());
        }
        for code in self::codes(&text) {
            assert!(codes.contains(&code), "{} names the close code {code}", file.display());
        }
    }
}

#[tokio::test]
async fn the_configurations_are_the_relays() {
    for (example, secrets) in [
        (
            "systemd/config.toml",
            ["run/credentials/poplar-relay.service/secret_cert.pem", "secret_key.pem", "secret_tokens"],
        ),
        ("kubernetes/config.toml", ["etc/poplar-relay/tls/tls.crt", "tls.key", "../tokens/tokens"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let text = read(example);
        // As it is, and with everything that is commented out.
        for text in [text.clone(), text.replace("\n#token-file", "\ntoken-file")] {
            let identity = Authority::new().unwrap().issue(&["relay.example"]).unwrap();
            let certificate = dir.path().join(secrets[0]);
            let folder = certificate.parent().unwrap();
            fs::create_dir_all(folder.join("../tokens")).unwrap();
            fs::write(&certificate, identity.certificate).unwrap();
            fs::write(folder.join(secrets[1]), identity.key).unwrap();
            fs::write(folder.join(secrets[2]), "0123456789abcdef\n").unwrap();
            let config = dir.path().join("config.toml");
            let root = format!("\"{}/", dir.path().display());
            fs::write(
                &config,
                text.replace("\"/run/", &format!("{root}run/")).replace("\"/etc/", &format!("{root}etc/")),
            )
            .unwrap();
            let mut check = Command::new(program().await.unwrap());
            succeeds(check.args(["serve", "--check-config", "--config"]).arg(config));
        }
    }
}

/// Who stops a relay waits for longer than the relay does: otherwise it is killed in the middle of its good-byes.
#[test]
fn every_supervisor_waits_longer_than_the_relay_drains() {
    for (config, supervisor, key) in [
        ("systemd/config.toml", "systemd/poplar-relay.service", "TimeoutStopSec="),
        ("kubernetes/config.toml", "kubernetes/deployment.yaml", "terminationGracePeriodSeconds: "),
    ] {
        // The 5 s are CLOSING_TIME in relay/src/serve.rs, and those of preStop.
        assert!(number(supervisor, key) > number(config, "drain-timeout = ") + 5 + 5, "{supervisor}");
    }
    let memory = number("kubernetes/deployment.yaml", "memory: 1") + 1000;
    assert!(number("kubernetes/config.toml", "\nmax-tunnels = ") * 256 / 1024 < memory, "memory for every tunnel");
}

#[tokio::test]
async fn the_units_are_sound_and_hardened() {
    let Some(analyze) = installed("systemd-analyze") else { return };
    let dir = tempfile::tempdir().unwrap();
    let unit = read("systemd/poplar-relay.service");
    let unit = unit.replace("/usr/local/bin/poplar-relay", program().await.unwrap().to_str().unwrap());
    let service = dir.path().join("poplar-relay.service");
    let socket = dir.path().join("poplar-relay.socket");
    fs::write(&service, unit).unwrap();
    fs::write(&socket, read("systemd/poplar-relay.socket")).unwrap();
    let verify = || {
        let output = run(Command::new(&analyze).arg("verify").args([&service, &socket]));
        // Other units of this system may have their faults.
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let ours = said.lines().filter(|line| line.contains("poplar-relay")).collect::<Vec<_>>();
        assert!(output.status.success() && ours.is_empty(), "{said}");
    };
    let security = |threshold: &str| {
        let mut command = Command::new(&analyze);
        command.args(["security", "--offline=true", "--no-pager", "--threshold", threshold]);
        succeeds(command.arg(&service))
    };
    verify();
    let exposure = security("15");
    println!("{}", exposure.lines().last().unwrap_or_default());
    for (unit, drop_in) in [("service", "tls-by-group.conf"), ("socket", "behind-a-proxy.conf")] {
        let folder = dir.path().join(format!("poplar-relay.{unit}.d"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(drop_in), read(&format!("systemd/{drop_in}"))).unwrap();
    }
    verify();
}

#[test]
fn the_manifests_are_what_kubernetes_takes() {
    let folder = deploy().join("kubernetes");
    if let Some(kubectl) = installed("kubectl") {
        let built = stdout(Command::new(kubectl).arg("kustomize").arg(&folder));
        assert!(
            built.contains("name: poplar-relay-") && built.contains("image: registry.example/poplar-relay:"),
            "{built}"
        );
    }
    let validate = std::env::var("POPLAR_KUBERNETES_VALIDATE").unwrap_or_else(|_| "kubernetes-validate".into());
    let Some(validate) = installed(&validate) else { return };
    let manifests = files().into_iter().filter(|file| {
        let others = ["kustomization.yaml", "custom-metrics.yaml"].iter().any(|name| file.ends_with(name));
        file.starts_with(&folder) && file.extension().is_some_and(|e| e == "yaml") && !others
    });
    let manifests = manifests.collect::<Vec<_>>();
    assert!(manifests.len() > 5, "{manifests:?}");
    // The oldest that the deployment names, and the newest that the schemas are of.
    for version in [&["--kubernetes-version", "1.30.0"][..], &[]] {
        succeeds(Command::new(&validate).arg("--strict").args(version).args(&manifests));
    }
}

#[test]
fn the_alerts_are_what_prometheus_takes() {
    if let Some(promtool) = installed("promtool") {
        succeeds(Command::new(promtool).args(["check", "rules"]).arg(deploy().join("prometheus/alerts.yml")));
    }
}

#[test]
fn the_container_is_built_with_the_toolchain_of_the_repository() {
    let toolchain = fs::read_to_string(deploy().join("../../rust-toolchain.toml")).unwrap();
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    let image = read("container/Containerfile");
    assert!(image.contains(&format!("library/rust:{}-slim", channel.trim_end_matches(".0"))), "{channel}");
}

/// The balancer as it is shipped, with other addresses: it serves the page, carries a tunnel, and does not believe what a client says
/// of its own address.
#[tokio::test]
async fn the_balancer_carries_tunnels_and_names_the_client() {
    let Some(haproxy) = installed("haproxy") else { return };
    let silent = Port::reserve().unwrap();
    let _upstream = silent.listen().unwrap();
    let upstream = Upstream::new("silent", format!("pop3://{}", silent.address()), None);
    let arguments =
        ["--behind-proxy", "127.0.0.0/8", "--allow-origin", "https://relay.example", "--max-per-address", "1"];
    let relay = Relay::start(&[upstream], &arguments).await.unwrap();

    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new().unwrap();
    let identity = authority.issue(&["relay.example"]).unwrap();
    let certificate = dir.path().join("cert.pem");
    fs::write(&certificate, identity.certificate + &identity.key).unwrap();
    let (https, plain, metrics) = (Port::reserve().unwrap(), Port::reserve().unwrap(), Port::reserve().unwrap());
    let relay_address = relay.origin().replace("http://", "");
    let mut config = read("haproxy/haproxy.cfg");
    succeeds(Command::new(&haproxy).args(["-dW", "-c", "-f"]).arg({
        // The file as it is but for the certificate, which must be there.
        let path = dir.path().join("shipped.cfg");
        fs::write(&path, config.replace("/etc/haproxy/certs/", certificate.to_str().unwrap())).unwrap();
        path
    }));
    for (shipped, here) in [
        ("[::]:443 v4v6", https.address().to_string()),
        ("[::]:80 v4v6", plain.address().to_string()),
        ("127.0.0.1:8405", metrics.address().to_string()),
        ("/etc/haproxy/certs/", certificate.to_str().unwrap().to_owned()),
        ("10.0.0.11:8110", relay_address.clone()),
        ("10.0.0.12:8110", relay_address),
        // A test may not open as many files.
        ("maxconn 21010", "maxconn 100".to_owned()),
        ("    log /dev/log local0\n    user haproxy\n    group haproxy\n    chroot /var/lib/haproxy\n", String::new()),
    ] {
        assert!(config.contains(shipped), "{shipped} is not in haproxy.cfg");
        config = config.replace(shipped, &here);
    }
    let path = dir.path().join("haproxy.cfg");
    fs::write(&path, config).unwrap();
    let _haproxy = Guarded::spawn(Command::new(&haproxy).args(["-db", "-f"]).arg(&path).stdout(Stdio::null())).unwrap();

    let connect = async || tls(&authority, &https).await;
    let mut stream = connect().await;
    stream.write_all(b"GET /relay.json HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200") && reply.to_lowercase().contains("strict-transport-security"), "{reply}");

    let mut first = connect().await;
    handshake(&mut first, "198.51.100.1").await;
    let mut second = connect().await;
    handshake(&mut second, "198.51.100.2").await;
    // A close frame, and 4429 in it: the relay counts one and the same client twice.
    let mut frame = [0; 4];
    second.read_exact(&mut frame).await.unwrap();
    assert_eq!((frame[0], u16::from_be_bytes([frame[2], frame[3]])), (0x88, 4429));
}

/// Connects as a browser does, once somebody listens.
async fn tls(authority: &Authority, port: &Port) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    let mut roots = RootCertStore::empty();
    roots
        .add(tokio_rustls::rustls::pki_types::CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let deadline = tokio::time::Instant::now() + poplar_tests::PATIENCE;
    let tcp = loop {
        match TcpStream::connect(port.address()).await {
            Ok(tcp) => break tcp,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    let name = ServerName::try_from("relay.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

/// Asks for a tunnel, as a client that lies about its address, and reads the reply's head.
async fn handshake(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), pretended: &str) {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: relay.example\r\nOrigin: https://relay.example\r\nX-Forwarded-For: {pretended}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {}\r\n\r\n",
        poplar_wire::path("silent"),
        poplar_wire::SUBPROTOCOL,
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../relay/deploy")
}

fn read(file: &str) -> String {
    fs::read_to_string(deploy().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every file there is.
fn files() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![deploy()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The words that start with `prefix` and go on with letters, digits and what joins them.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    let joins = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let word = |word: &str| word.trim_end_matches(['-', '_']).to_owned();
    let all = text.split(|c: char| !joins(c)).map(word).filter(|word| word.len() > prefix.len());
    all.filter(|word| word.starts_with(prefix)).collect()
}

/// The close codes of one's own that a text names: numbers from 4400 to 4599.
fn codes(text: &str) -> BTreeSet<String> {
    let numbers = text.split(|c: char| !c.is_ascii_alphanumeric());
    let ours = |word: &&str| word.len() == 4 && (word.starts_with("44") || word.starts_with("45"));
    numbers.filter(ours).filter(|word| word.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned).collect()
}

/// The first number behind `key`.
fn number(file: &str, key: &str) -> u64 {
    let text = read(file);
    let rest = text.split_once(key).unwrap_or_else(|| panic!("{file} has no {key}")).1;
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Where a program is; says so where it is not installed.
fn installed(program: &str) -> Option<PathBuf> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers in /usr/sbin, which is not on everybody's path.
    let mut places = std::env::split_paths(&places).chain(["/usr/sbin".into()]).map(|place| place.join(program));
    let found = places.find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {program} is not installed");
    }
    found
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command that must succeed, and returns what it printed.
fn succeeds(command: &mut Command) -> String {
    let output = run(command);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}

fn stdout(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
