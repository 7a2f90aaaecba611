//! The certificate chain as it was presented, also where it was refused: that is the one that somebody wants to see.

use super::report::quote;
use crate::certificate::days_until;
use crate::tls::{Pin, Verifier};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};
use x509_parser::time::ASN1Time;

/// What is warned of before it expires. Certificates that are renewed by themselves (RFC 8555) are so a month before; what has less
/// left has been forgotten, or its renewal fails.
const SOON_DAYS: i64 = 30;

/// Verifies as the upstream's own verifier does, and remembers what was presented.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Arc<Verifier>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Recorder {
    pub(super) fn new(inner: Arc<Verifier>) -> Recorder {
        Recorder { inner, chain: Mutex::default() }
    }

    /// The chain in words, the server's own certificate first, and the pin of its key.
    pub(super) fn describe(&self) -> Vec<String> {
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let pin = chain.first().and_then(Pin::of).map(|pin| format!("key: {pin}"));
        chain.iter().map(describe).chain(pin).collect()
    }

    /// What will not be good for long any more.
    pub(super) fn warnings(&self) -> Vec<String> {
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        chain.iter().filter_map(warning).collect()
    }
}

fn describe(certificate: &CertificateDer<'_>) -> String {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return "a certificate that cannot be read".to_owned();
    };
    let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
    let validity = match days_until(parsed.validity().not_after.timestamp()) {
        _ if from > ASN1Time::now() => format!("NOT VALID before {from}"),
        ..0 => format!("EXPIRED {until}"),
        days => format!("until {until} ({days} days)"),
    };
    quote(format!("{}, issued by {}, {validity}", parsed.subject(), parsed.issuer()))
}

fn warning(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let days = days_until(parsed.validity().not_after.timestamp());
    let left = match days {
        0 => "today".to_owned(),
        1 => "in 1 day".to_owned(),
        2..=SOON_DAYS => format!("in {days} days"),
        _ => return None,
    };
    Some(quote(format!(
        "the certificate of {} expires {left}: ask the server's operator to renew it",
        parsed.subject()
    )))
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = std::iter::once(end_entity).chain(intermediates).map(|it| it.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = presented;
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
