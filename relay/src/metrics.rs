//! Counters, and their text for Prometheus. Numbers only: no user, address or content can be told from them.

use poplar_wire::Close;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the relay counts, since it started.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Tunnels that reached an upstream or tried to.
    pub(crate) opened: AtomicU64,
    /// Octets of POP3 from upstreams to browsers.
    pub(crate) to_browsers: AtomicU64,
    /// Octets of POP3 from browsers to upstreams.
    pub(crate) to_upstreams: AtomicU64,
    /// Requests answered over HTTP, tunnels included.
    pub(crate) requests: AtomicU64,
    /// Connections dropped before a request, for want of places.
    pub(crate) refused_connections: AtomicU64,
    /// Tunnels that ended, by close code, in the order of [`Close::ALL`].
    ended: [AtomicU64; Close::ALL.len()],
    /// Tunnels that the browser ended.
    left: AtomicU64,
}

impl Metrics {
    /// Counts the end of a tunnel; `None` where the browser ended it.
    pub(crate) fn ended(&self, close: Option<Close>) {
        let counter = match close {
            Some(close) => {
                Close::ALL.iter().zip(&self.ended).find(|(known, _)| **known == close).map(|(_, counter)| counter)
            }
            None => Some(&self.left),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Everything in the text exposition format, version 0.0.4.
    pub(crate) fn render(&self, tunnels: usize, draining: bool) -> String {
        let mut text = String::new();
        let version = env!("CARGO_PKG_VERSION");
        metric(
            &mut text,
            "poplar_info",
            "gauge",
            "The relay's version.",
            &[(&format!("{{version=\"{version}\"}}"), 1)],
        );
        metric(
            &mut text,
            "poplar_draining",
            "gauge",
            "1 while the relay is shutting down.",
            &[("", u64::from(draining))],
        );
        metric(&mut text, "poplar_tunnels", "gauge", "Tunnels open now.", &[("", tunnels as u64)]);
        let counters: [(&str, &str, &AtomicU64); 5] = [
            ("poplar_tunnels_opened_total", "Tunnels for which an upstream was dialled.", &self.opened),
            ("poplar_to_browsers_bytes_total", "Octets of POP3 carried to browsers.", &self.to_browsers),
            ("poplar_to_upstreams_bytes_total", "Octets of POP3 carried to upstreams.", &self.to_upstreams),
            ("poplar_requests_total", "HTTP requests, tunnels included.", &self.requests),
            ("poplar_refused_connections_total", "Connections dropped for want of places.", &self.refused_connections),
        ];
        for (name, help, counter) in counters {
            metric(&mut text, name, "counter", help, &[("", counter.load(Relaxed))]);
        }
        let by_code: Vec<(String, u64)> = Close::ALL
            .iter()
            .zip(&self.ended)
            .map(|(close, counter)| (format!("{{close=\"{}\"}}", close.code()), counter.load(Relaxed)))
            .chain([("{close=\"browser\"}".to_owned(), self.left.load(Relaxed))])
            .collect();
        let by_code: Vec<(&str, u64)> = by_code.iter().map(|(label, value)| (label.as_str(), *value)).collect();
        metric(
            &mut text,
            "poplar_tunnels_ended_total",
            "counter",
            "Tunnels ended, by close code or by the browser.",
            &by_code,
        );
        text
    }
}

/// Writes one metric with its samples (labels, value).
fn metric(text: &mut String, name: &str, kind: &str, help: &str, samples: &[(&str, u64)]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_was_counted() {
        let metrics = Metrics::default();
        metrics.opened.fetch_add(3, Relaxed);
        metrics.ended(Some(Close::UpstreamTls));
        metrics.ended(None);
        let text = metrics.render(2, true);
        for line in [
            "poplar_tunnels 2",
            "poplar_draining 1",
            "poplar_tunnels_opened_total 3",
            "poplar_tunnels_ended_total{close=\"4525\"} 1",
            "poplar_tunnels_ended_total{close=\"browser\"} 1",
            "poplar_tunnels_ended_total{close=\"1000\"} 0",
            "# TYPE poplar_tunnels_opened_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
