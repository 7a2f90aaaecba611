//! Counters, and their text for Prometheus. Numbers only: no user, address or content can be told from them.

use crate::certificate::ServerTls;
use crate::upstream::Upstream;
use poplar_wire::Close;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the buckets of dialling times, in seconds: from a server next door to the 15 s after which one gives up.
const DIAL_BUCKETS: [f64; 8] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// Ends that are an upstream's doing.
const FAILURES: [Close; 4] =
    [Close::UpstreamCut, Close::UpstreamUnreachable, Close::UpstreamTimeout, Close::UpstreamTls];

/// What the relay counts, since it started.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Octets of POP3 from upstreams to browsers.
    pub(crate) to_browsers: AtomicU64,
    /// Octets of POP3 from browsers to upstreams.
    pub(crate) to_upstreams: AtomicU64,
    /// Requests answered over HTTP, tunnels included.
    pub(crate) requests: AtomicU64,
    /// Connections dropped before a request, for want of places or because their address opened too many.
    pub(crate) refused_connections: AtomicU64,
    /// Tunnels that ended, by close code, in the order of [`Close::ALL`].
    ended: [AtomicU64; Close::ALL.len()],
    /// Tunnels that the browser ended.
    left: AtomicU64,
    upstreams: Vec<ByUpstream>,
}

/// What is counted of one upstream.
#[derive(Debug)]
struct ByUpstream {
    upstream: Arc<Upstream>,
    /// Tunnels that reached it or tried to.
    opened: AtomicU64,
    /// In the order of [`FAILURES`].
    failed: [AtomicU64; FAILURES.len()],
    /// Times to reach it, by the first of [`DIAL_BUCKETS`] that they fit in; the last is for those that fit in none.
    dialled: [AtomicU64; DIAL_BUCKETS.len() + 1],
    dialled_microseconds: AtomicU64,
}

/// What is not counted but found when somebody asks.
pub(crate) struct Now<'a> {
    pub(crate) tunnels: usize,
    pub(crate) connections: usize,
    pub(crate) draining: bool,
    pub(crate) tls: Option<&'a ServerTls>,
}

impl Metrics {
    pub(crate) fn new(upstreams: &[Arc<Upstream>]) -> Metrics {
        let by_upstream = |upstream: &Arc<Upstream>| ByUpstream {
            upstream: upstream.clone(),
            opened: AtomicU64::default(),
            failed: Default::default(),
            dialled: Default::default(),
            dialled_microseconds: AtomicU64::default(),
        };
        Metrics {
            to_browsers: AtomicU64::default(),
            to_upstreams: AtomicU64::default(),
            requests: AtomicU64::default(),
            refused_connections: AtomicU64::default(),
            ended: Default::default(),
            left: AtomicU64::default(),
            upstreams: upstreams.iter().map(by_upstream).collect(),
        }
    }

    /// Counts a tunnel that is about to reach its upstream.
    pub(crate) fn opened(&self, upstream: &Upstream) {
        if let Some(counted) = self.of(upstream) {
            counted.opened.fetch_add(1, Relaxed);
        }
    }

    /// Counts the end of a tunnel (`None` where the browser ended it), and how long its upstream took to be reached.
    pub(crate) fn ended(&self, upstream: &Upstream, close: Option<Close>, dialled: Option<Duration>) {
        match close {
            Some(close) => self.refused(close),
            None => _ = self.left.fetch_add(1, Relaxed),
        }
        let Some(counted) = self.of(upstream) else { return };
        if let Some(counter) = close.and_then(|close| counter(&FAILURES, &counted.failed, close)) {
            counter.fetch_add(1, Relaxed);
        }
        if let Some(dialled) = dialled {
            let seconds = dialled.as_secs_f64();
            let bucket = DIAL_BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(DIAL_BUCKETS.len());
            if let Some(bucket) = counted.dialled.get(bucket) {
                bucket.fetch_add(1, Relaxed);
            }
            counted.dialled_microseconds.fetch_add(dialled.as_micros() as u64, Relaxed);
        }
    }

    /// Counts a client that was turned away at the door.
    pub(crate) fn refused(&self, close: Close) {
        if let Some(counter) = counter(&Close::ALL, &self.ended, close) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Everything in the text exposition format, version 0.0.4.
    pub(crate) fn render(&self, now: Now<'_>) -> String {
        let mut text = Text::default();
        text.metric("poplar_info", "gauge", "The relay's version.");
        text.sample("poplar_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.single("poplar_draining", "gauge", "1 while the relay is shutting down.", u64::from(now.draining));
        text.single("poplar_tunnels", "gauge", "Tunnels open now.", now.tunnels);
        text.single("poplar_connections", "gauge", "Connections open now, those of tunnels included.", now.connections);
        if let Some(expires) = now.tls.and_then(ServerTls::expires) {
            let help = "When the relay's certificate expires, in seconds since 1970.";
            text.single("poplar_certificate_expires_seconds", "gauge", help, expires);
        }
        for (name, help, counter) in [
            ("poplar_to_browsers_bytes_total", "Octets of POP3 carried to browsers.", &self.to_browsers),
            ("poplar_to_upstreams_bytes_total", "Octets of POP3 carried to upstreams.", &self.to_upstreams),
            ("poplar_requests_total", "HTTP requests, tunnels included.", &self.requests),
            (
                "poplar_refused_connections_total",
                "Connections dropped for want of places or for coming too often.",
                &self.refused_connections,
            ),
        ] {
            text.single(name, "counter", help, counter.load(Relaxed));
        }
        let ended = "poplar_tunnels_ended_total";
        text.metric(ended, "counter", "Tunnels ended or refused, by close code or by the browser.");
        for (close, counter) in Close::ALL.iter().zip(&self.ended) {
            text.sample(ended, &[("close", &close.code().to_string())], counter.load(Relaxed));
        }
        text.sample(ended, &[("close", "browser")], self.left.load(Relaxed));
        self.render_upstreams(&mut text);
        text.0
    }

    fn render_upstreams(&self, text: &mut Text) {
        let each = || self.upstreams.iter().map(|counted| (counted.upstream.name.as_str(), counted));
        let open = "poplar_upstream_tunnels";
        text.metric(open, "gauge", "Tunnels open now, by upstream.");
        for (name, counted) in each() {
            text.sample(open, &[("upstream", name)], counted.upstream.seats.in_use());
        }
        let opened = "poplar_tunnels_opened_total";
        text.metric(opened, "counter", "Tunnels for which an upstream was dialled.");
        for (name, counted) in each() {
            text.sample(opened, &[("upstream", name)], counted.opened.load(Relaxed));
        }
        let failed = "poplar_upstream_failures_total";
        text.metric(failed, "counter", "Tunnels that ended by their upstream's doing, by close code.");
        for (name, counted) in each() {
            for (close, counter) in FAILURES.iter().zip(&counted.failed) {
                let labels = [("upstream", name), ("close", &close.code().to_string())];
                text.sample(failed, &labels, counter.load(Relaxed));
            }
        }
        let dialled = "poplar_dial_seconds";
        text.metric(dialled, "histogram", "Time to reach an upstream, TLS included, where it was reached.");
        for (name, counted) in each() {
            let bounds = DIAL_BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            let mut sum = 0;
            for (bound, counter) in bounds.zip(&counted.dialled) {
                sum += counter.load(Relaxed);
                text.sample("poplar_dial_seconds_bucket", &[("upstream", name), ("le", &bound)], sum);
            }
            let seconds = Duration::from_micros(counted.dialled_microseconds.load(Relaxed)).as_secs_f64();
            text.sample("poplar_dial_seconds_sum", &[("upstream", name)], seconds);
            text.sample("poplar_dial_seconds_count", &[("upstream", name)], sum);
        }
    }

    fn of(&self, upstream: &Upstream) -> Option<&ByUpstream> {
        self.upstreams.iter().find(|counted| counted.upstream.name == upstream.name)
    }
}

/// The counter of a close code.
fn counter<'a>(codes: &[Close], counters: &'a [AtomicU64], close: Close) -> Option<&'a AtomicU64> {
    codes.iter().zip(counters).find(|(known, _)| **known == close).map(|(_, counter)| counter)
}

/// The text as it grows. Label values are codes, versions and the names of upstreams, none of which has to be escaped.
#[derive(Default)]
struct Text(String);

impl Text {
    // Writing to a String cannot fail.
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect::<Vec<_>>().join(",");
        let _ = match labels.is_empty() {
            true => writeln!(self.0, "{name} {value}"),
            false => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.metric(name, kind, help);
        self.sample(name, &[], value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    #[test]
    fn the_text_says_what_was_counted() {
        let options = Options::from_toml("upstream = ['direct=pop3s://a.example', 'lab=pop3s://b.example']").unwrap();
        let upstreams = options.upstreams().unwrap();
        let metrics = Metrics::new(&upstreams);
        let [direct, lab] = &upstreams[..] else { panic!() };
        metrics.opened(direct);
        metrics.ended(direct, Some(Close::UpstreamTls), None);
        metrics.ended(lab, None, Some(Duration::from_millis(300)));
        metrics.ended(lab, Some(Close::Normal), Some(Duration::from_secs(60)));
        metrics.refused(Close::TooMany);
        let _seat = lab.seats.take();
        let text = metrics.render(Now { tunnels: 2, connections: 3, draining: true, tls: None });
        for line in [
            "poplar_tunnels 2",
            "poplar_connections 3",
            "poplar_draining 1",
            "poplar_tunnels_opened_total{upstream=\"direct\"} 1",
            "poplar_tunnels_ended_total{close=\"4525\"} 1",
            "poplar_tunnels_ended_total{close=\"4429\"} 1",
            "poplar_tunnels_ended_total{close=\"browser\"} 1",
            "poplar_tunnels_ended_total{close=\"4502\"} 0",
            "poplar_upstream_failures_total{upstream=\"direct\",close=\"4525\"} 1",
            "poplar_upstream_failures_total{upstream=\"lab\",close=\"4525\"} 0",
            "poplar_upstream_tunnels{upstream=\"lab\"} 1",
            "poplar_dial_seconds_bucket{upstream=\"lab\",le=\"0.25\"} 0",
            "poplar_dial_seconds_bucket{upstream=\"lab\",le=\"0.5\"} 1",
            "poplar_dial_seconds_bucket{upstream=\"lab\",le=\"15\"} 1",
            "poplar_dial_seconds_bucket{upstream=\"lab\",le=\"+Inf\"} 2",
            "poplar_dial_seconds_sum{upstream=\"lab\"} 60.3",
            "poplar_dial_seconds_count{upstream=\"lab\"} 2",
            "# TYPE poplar_dial_seconds histogram",
            "# TYPE poplar_tunnels_opened_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
