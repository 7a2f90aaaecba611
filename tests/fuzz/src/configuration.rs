//! The relay's configuration file.

use poplar_relay::fuzzing::{Configured, configuration};

/// Reads one input as a configuration.
pub fn run(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    // Whatever else it says: what nobody knows is refused, at the top and in the table of an upstream.
    assert!(configuration(&format!("no-such-key = 1\n{text}")).is_err());
    let Ok(read) = configuration(text) else { return };
    assert!(configuration(&format!("{text}\n[upstream.z-z]\nurl = 'pop3s://h'\nno-such-key = 1\n")).is_err());
    if let Some(Ok(configured)) = read {
        check(&configured, text);
    }
}

fn check(configured: &Configured, text: &str) {
    let Configured { listen, proxies, origins, upstreams, printed } = configured;
    // What is printed is a configuration that says the same.
    match configuration(printed) {
        Ok(Some(Ok(again))) => assert_eq!(again, *configured),
        other => panic!("{printed}\nis printed, and read as {other:?}"),
    }
    // No certificate is ever loaded here.
    let protected = *proxies > 0 && !origins.is_empty();
    assert!(listen.ip().to_canonical().is_loopback() || protected, "strangers may come to {listen}");
    for origin in origins {
        assert!(origin.starts_with("https://") || origin.starts_with("http://"), "{origin}");
        assert!(!origin.contains(['*', '@', '?', '#', ' ']) && origin.matches('/').count() == 2, "{origin}");
        assert_eq!(*origin, origin.to_ascii_lowercase());
        // It is written as a browser would, so that it means the same when it is read again.
        let again = configuration(&format!("allow-origin = ['{origin}']"));
        let again = again.map(|read| read.map(|configured| configured.map(|it| it.origins)));
        assert_eq!(again, Ok(Some(Ok(vec![origin.clone()]))));
    }
    for (name, url) in upstreams {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!((1..=32).contains(&name.len()) && name.chars().all(plain), "{name}");
        assert_eq!(upstreams.iter().filter(|(other, _)| other == name).count(), 1, "{name} is there twice");
        assert!(!url.contains(['@', '?', '#', ' ']) && url.matches('/').count() == 2, "{url}");
        if let Some(address) = url.strip_prefix("pop3://") {
            let here = ["localhost:", "127.", "[::1]", "[::ffff:127."].iter().any(|start| address.starts_with(start));
            assert!(here || text.contains("plaintext"), "{url} without consent");
        }
        let again = configuration(&format!("upstream = ['{name}={url}']\nallow-plaintext = ['{name}']"));
        let again = again.map(|read| read.map(|configured| configured.map(|it| it.upstreams)));
        assert_eq!(again, Ok(Some(Ok(vec![(name.clone(), url.clone())]))));
    }
}
