//! The values of the schema: how each is read from a flag or the file, and written out again.

use crate::upstream::{Ca, Name, UpstreamEntry, UpstreamUrl};
use clap::ValueEnum;
use ipnet::IpNet;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A span of time in seconds, whole or not.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Seconds(pub(super) Duration);

impl Seconds {
    pub(super) const fn whole(seconds: u64) -> Seconds {
        Seconds(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.subsec_nanos() {
            0 => to.serialize_u64(self.0.as_secs()),
            _ => to.serialize_f64(self.0.as_secs_f64()),
        }
    }
}

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Seconds, String> {
        match Duration::try_from_secs_f64(seconds) {
            // A year: what lasts longer is a mistake, and far below what clocks can add.
            Ok(span) if !span.is_zero() && span <= Duration::from_secs(31_536_000) => Ok(Seconds(span)),
            _ => Err("a time is a number of seconds above 0 and at most a year".to_owned()),
        }
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        text.parse::<f64>().map_err(|_| "a time is a number of seconds".to_owned())?.try_into()
    }
}

/// A network, or a single address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network(pub(super) IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
        network.map(Network).map_err(|_| format!("`{text}` is no network: write 10.0.0.0/8, fd00::/8 or one address"))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How much is logged. There is nothing finer than `debug`, and `trace` means it: dependencies would print payloads, so that level
/// is compiled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    #[value(alias = "trace")]
    #[serde(alias = "trace")]
    Debug,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    Human,
    Json,
}

/// Reads a list of strings, each by its own syntax; the same as the flag's.
pub(super) fn each<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(input: D) -> Result<Vec<T>, D::Error> {
    Vec::<String>::deserialize(input)?.iter().map(|text| text.parse().map_err(Error::custom)).collect()
}

/// Writes a list of strings, as [`each`] reads them.
pub(super) fn as_texts<S: Serializer, T: fmt::Display>(values: &[T], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(values.iter().map(T::to_string))
}

/// Writes upstreams as a table by name.
pub(super) fn as_table<S: Serializer>(entries: &[UpstreamEntry], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(entries.iter().map(|entry| (entry.name.as_str(), UpstreamTable::of(entry))))
}

/// Reads upstreams: a list of `NAME=URL`, or a table by name.
pub(super) fn upstreams<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<UpstreamEntry>, D::Error> {
    struct Upstreams;

    impl<'de> Visitor<'de> for Upstreams {
        type Value = Vec<UpstreamEntry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of \"NAME=URL\" or a table [upstream.NAME]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(text) = seq.next_element::<String>()? {
                entries.push(text.parse().map_err(Error::custom)?);
            }
            Ok(entries)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some((name, table)) = map.next_entry::<String, UpstreamTable>()? {
                entries.push(table.entry(name.parse().map_err(Error::custom)?).map_err(Error::custom)?);
            }
            Ok(entries)
        }
    }

    input.deserialize_any(Upstreams)
}

/// An upstream as a table of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UpstreamTable {
    url: String,
    label: Option<String>,
    ca: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pin: Vec<String>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    plaintext: bool,
    max_tunnels: Option<usize>,
    dial_timeout: Option<Seconds>,
    idle_timeout: Option<Seconds>,
}

impl UpstreamTable {
    fn entry(self, name: Name) -> Result<UpstreamEntry, String> {
        let url: UpstreamUrl = self.url.parse()?;
        let pins = self.pin.iter().map(|pin| pin.parse()).collect::<Result<_, _>>()?;
        let UpstreamTable { label, ca, private, plaintext, max_tunnels, dial_timeout, idle_timeout, .. } = self;
        let ca = ca.map(Ca::File);
        Ok(UpstreamEntry { name, url, label, ca, pins, private, plaintext, max_tunnels, dial_timeout, idle_timeout })
    }

    fn of(entry: &UpstreamEntry) -> UpstreamTable {
        let UpstreamEntry { url, label, ca, pins, private, plaintext, max_tunnels, dial_timeout, idle_timeout, .. } =
            entry;
        UpstreamTable {
            url: url.to_string(),
            label: label.clone(),
            ca: ca.as_ref().and_then(|ca| match ca {
                Ca::File(path) => Some(path.clone()),
                Ca::Pem(_) => None,
            }),
            pin: pins.iter().map(ToString::to_string).collect(),
            private: *private,
            plaintext: *plaintext,
            max_tunnels: *max_tunnels,
            dial_timeout: *dial_timeout,
            idle_timeout: *idle_timeout,
        }
    }
}
