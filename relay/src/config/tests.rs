//! What is accepted, what wins, and what is refused.

use super::*;
use clap::Parser;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

fn flags(line: &str) -> Options {
    Flags::try_parse_from(std::iter::once("relay").chain(line.split_whitespace())).unwrap().options
}

fn resolved(options: Options) -> Config {
    options.resolve().unwrap_or_else(|e| panic!("{e}"))
}

fn refused(options: Options) -> ConfigError {
    options.resolve().err().expect("this configuration must be refused")
}

/// A file of its own, gone with the value.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let path = std::env::temp_dir().join(format!("poplar-config-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn nothing_said_is_the_safe_default() {
    let config = resolved(Options::default());
    assert_eq!(config.listen, "127.0.0.1:8110".parse().unwrap());
    assert_eq!((config.max_tunnels, config.max_per_address), (10_000, 64));
    assert!(config.upstreams.is_empty() && config.origins.is_empty() && config.proxies.is_empty());
    assert!(config.admin_listen.is_none() && config.tokens.is_none() && !config.open_browser);
    assert!(config.offline_page);
}

#[test]
fn the_file_takes_the_same_keys_and_flags_win() {
    let file = File::new(
        "same-keys.toml",
        r#"
        listen = "127.0.0.1:9000"
        upstream = ["direct=pop3s://mail.example.org", "other=pop3s://other.example.org"]
        upstream-private = ["direct"]
        allow-origin = ["https://clinic.example"]
        max-tunnels = 5
        idle-timeout = 1.5
        open-browser = true
        offline-page = false
        "#,
    );
    let line = format!(
        "--config {} --max-tunnels 7 --upstream direct=pop3s://new.example.org:1995 --allow-origin https://new.example --open-browser=false",
        file.0.display()
    );
    let config = resolved(flags(&line).with_file().unwrap());
    assert_eq!(config.listen, "127.0.0.1:9000".parse().unwrap());
    assert_eq!(config.max_tunnels, 7);
    assert_eq!(config.upstream("other").unwrap().idle_timeout, Duration::from_millis(1500));
    assert!(!config.open_browser && !config.offline_page);
    assert_eq!(config.origins, ["https://new.example".parse().unwrap()]);
    let direct = config.upstream("direct").unwrap();
    assert_eq!(direct.url.to_string(), "pop3s://new.example.org:1995");
    assert!(direct.private, "what the file says of that name still holds");
    assert!(config.upstream("other").is_some());
}

#[test]
fn an_upstream_may_be_a_table() {
    let options = Options::from_toml(
        r#"
        [upstream.direct]
        url = "pop3+starttls://mail.example.org"
        label = "Direct messages"
        pin = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
        private = true
        [upstream.lab]
        url = "pop3://10.0.0.5"
        plaintext = true
        max-tunnels = 1
        dial-timeout = 3
        idle-timeout = 4
        "#,
    )
    .unwrap();
    let config = resolved(options);
    let (direct, lab) = (config.upstream("direct").unwrap(), config.upstream("lab").unwrap());
    assert_eq!((lab.dial_timeout, lab.idle_timeout), (Duration::from_secs(3), Duration::from_secs(4)));
    assert_eq!((direct.dial_timeout, direct.idle_timeout), (Duration::from_secs(15), Duration::from_secs(900)));
    let _seat = lab.seats.take().unwrap();
    assert!(lab.seats.take().is_none());
    assert_eq!(config.upstream("direct").unwrap().label, "Direct messages");
    assert_eq!(config.upstream("lab").unwrap().label, "lab");
}

#[test]
fn unknown_keys_are_refused_by_name() {
    for (text, key) in [
        ("listn = '127.0.0.1:1'", "listn"),
        ("config = 'other.toml'", "config"),
        ("[upstream.direct]\nurl = 'pop3s://h'\ninsecure = true", "insecure"),
        ("[upstream.Direct]\nurl = 'pop3s://h'", "Direct"),
        ("upstream = ['pop3s://h']", "NAME=VALUE"),
        ("idle-timeout = 0", "above 0"),
        ("allow-origin = ['*']", "no origin"),
    ] {
        let refusal = Options::from_toml(text).unwrap_err();
        assert!(refusal.contains(key), "{refusal}");
    }
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let roots =
        File::new("roots.pem", &rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap().cert.pem());
    let pin = format!("sha256:{}", "0".repeat(64));
    let said = flags(&format!(
        "--upstream direct=pop3s://mail.example.org --upstream-ca direct={} --upstream-pin direct={pin} \
         --upstream-max-tunnels direct=9 --upstream-dial-timeout direct=2.5 --upstream-idle-timeout direct=60 \
         --upstream-private direct --upstream lab=pop3://10.0.0.5 --allow-plaintext lab --allow-origin https://a.example \
         --behind-proxy 10.0.0.0/8 --listen 0.0.0.0:8110 --rate-per-address 0 --admin-listen 127.0.0.1:9110 --log-format json",
        roots.0.display()
    ));
    let printed = said.clone().effective().unwrap().to_toml().unwrap();
    let read = Options::from_toml(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}"));
    assert_eq!(read.effective().unwrap().to_toml().unwrap(), printed);
    for line in [
        "max-tunnels = 10000",
        "rate-per-address = 0",
        "idle-timeout = 900",
        "dial-timeout = 2.5",
        "log-format = \"json\"",
        "url = \"pop3s://mail.example.org:995\"",
        "private = true",
        "plaintext = true",
    ] {
        assert!(printed.lines().any(|found| found == line), "{line}\n{printed}");
    }
    let config = resolved(Options::from_toml(&printed).unwrap());
    assert!(config.rate_per_address.is_none() && config.upstream("direct").unwrap().private);
}

#[test]
fn every_flag_is_printed_when_it_is_said() {
    // The flags that speak of an upstream become keys of its table; the file's own name is none of its keys.
    let elsewhere = ["config", "upstream-private", "allow-plaintext"];
    let all = "listen = '127.0.0.1:1'\nupstream = ['a=pop3s://x']\nallow-origin = ['https://a.example']\ntoken-file = 't'\n\
               tls-cert = 'c'\ntls-key = 'k'\nbehind-proxy = ['10.0.0.1']\nadmin-listen = '127.0.0.1:2'";
    let printed = Options::from_toml(all).unwrap().effective().unwrap().to_toml().unwrap();
    for flag in <Flags as clap::CommandFactory>::command().get_arguments().filter_map(|arg| arg.get_long()) {
        let of_an_upstream = flag.starts_with("upstream-") || elsewhere.contains(&flag);
        let found = printed
            .lines()
            .any(|line| line.starts_with(&format!("{flag} = ")) || line.starts_with(&format!("[{flag}.")));
        assert!(of_an_upstream || found, "{flag} is missing in\n{printed}");
    }
}

#[test]
fn strangers_are_not_let_in_by_accident() {
    for (line, missing) in [
        ("--listen 0.0.0.0:8110", "--tls-cert"),
        ("--listen [::]:8110 --allow-origin https://a.example", "--tls-cert"),
        ("--listen 192.168.1.5:8110 --behind-proxy 10.0.0.0/8", "--allow-origin"),
    ] {
        let refusal = refused(flags(line));
        assert_eq!(refusal.code, ConfigCode::Exposed);
        assert!(refusal.to_string().contains(missing), "{refusal}");
    }
    resolved(flags("--listen 0.0.0.0:8110 --behind-proxy 10.0.0.0/8 --allow-origin https://a.example"));
    resolved(flags("--listen [::1]:8110"));
}

#[test]
fn plain_pop3_stays_on_this_computer_unless_allowed_by_name() {
    let refusal = refused(flags("--upstream lab=pop3://10.0.0.5"));
    assert!(refusal.to_string().contains("--allow-plaintext lab"), "{refusal}");
    resolved(flags("--upstream lab=pop3://10.0.0.5 --allow-plaintext lab"));
    resolved(flags("--upstream lab=pop3://localhost --upstream other=pop3://127.0.0.1:1110"));
}

#[test]
fn there_is_no_finer_log_than_debug() {
    assert_eq!(flags("--log trace").log, Some(LogLevel::Debug));
    assert_eq!(Options::from_toml("log = 'trace'").unwrap().log, Some(LogLevel::Debug));
}

#[test]
fn what_is_said_of_an_upstream_needs_that_upstream() {
    for line in ["--upstream-private lab", "--allow-plaintext lab", "--upstream-ca lab=x.pem"] {
        assert_eq!(refused(flags(line)).code, ConfigCode::Upstream, "{line}");
    }
    assert_eq!(refused(flags("--upstream a=pop3s://x --upstream a=pop3s://y")).code, ConfigCode::Upstream);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let tokens = File::new("tokens", "# none yet\n");
    for (line, code) in [
        (format!("--token-file {}", tokens.0.display()), ConfigCode::Tokens),
        ("--token-file /nowhere/tokens".to_owned(), ConfigCode::Tokens),
        ("--tls-cert /nowhere/cert --tls-key /nowhere/key".to_owned(), ConfigCode::Certificate),
        ("--tls-cert /nowhere/cert".to_owned(), ConfigCode::Certificate),
        ("--upstream a=pop3s://x --upstream-ca a=/nowhere/ca".to_owned(), ConfigCode::Certificate),
    ] {
        assert_eq!(refused(flags(&line)).code, code, "{line}");
    }
    assert_eq!(flags("--config /nowhere/relay.toml").with_file().unwrap_err().code, ConfigCode::File);
}

#[test]
fn a_files_paths_are_relative_to_it() {
    let tokens = File::new("beside", "good-token\n");
    let name = tokens.0.file_name().unwrap().to_str().unwrap();
    let file = File::new("relative.toml", &format!("token-file = '{name}'"));
    let options = flags(&format!("--config {}", file.0.display())).with_file().unwrap();
    assert!(resolved(options).tokens.is_some());
}

#[test]
fn a_pin_that_is_replaced_is_good_no_longer() {
    let pin = |octet: char| format!("sha256:{}", octet.to_string().repeat(64));
    let (old, new) = (pin('a'), pin('b'));
    for (name, said) in [
        ("pins.toml", format!("[upstream.a]\nurl = 'pop3s://x'\npin = ['{old}']")),
        ("pins-list.toml", format!("upstream = ['a=pop3s://x']\nupstream-pin = ['a={old}']")),
    ] {
        let file = File::new(name, &said);
        let line = format!("--config {} --upstream-pin a={new}", file.0.display());
        let options = flags(&line).with_file().unwrap().effective().unwrap();
        assert_eq!(options.upstream[0].pins, [new.parse().unwrap()], "{said}");
    }
}

#[test]
fn what_is_printed_names_the_same_files_from_any_folder() {
    let options = flags("--upstream a=pop3s://x --upstream-ca a=roots.pem --token-file keys/tokens");
    let printed = options.with_absolute_paths().effective().unwrap().to_toml().unwrap();
    let read = Options::from_toml(&printed).unwrap();
    let here = std::env::current_dir().unwrap();
    assert_eq!(read.token_file, Some(here.join("keys/tokens")));
    assert!(matches!(&read.upstream[0].ca, Some(crate::upstream::Ca::File(path)) if *path == here.join("roots.pem")));
}

#[test]
fn what_is_wrong_in_a_file_is_told_and_not_repeated() {
    for (text, line, what) in [
        ("\n[upstream.a]\nurl = 'pop3s://stan:SeCrEt@host'", "", "no password in it"),
        ("\nupstream = ['a=pop3s://stan:SeCrEt@host']", "line 2:", "no password in it"),
        ("listen = '127.0.0.1:0'\n\ntoken = 'SeCrEt'", "line 3:", "`token`"),
        ("upstream = ['a=pop3s://stan:SeCrEt@host", "line 1:", ""),
    ] {
        let said = Options::from_toml(text).err().unwrap();
        assert!(said.contains(line) && said.contains(what) && !said.contains("SeCrEt"), "{said}");
    }
}
