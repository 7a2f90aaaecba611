//! Trust: how an upstream's certificate is verified.
//!
//! Verification is always on. What one upstream may have beside the system's roots is a root of its own or a pinned key.

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// Octets that a TLS session may hold because its socket takes no more: one message to a browser, with what framing and TLS add. The
/// usual 64 KiB, on both sides of a tunnel, would be half of what a tunnel may take, and carry no byte faster.
pub(crate) const SENDING: usize = 20 * 1024;

/// The one crypto provider, named wherever TLS is set up: two in one tree make the implicit choice panic.
pub(crate) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));

/// SHA-256 of a certificate's SubjectPublicKeyInfo (the form of RFC 7469 §2.4): `sha256:` and base64 or hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pin([u8; 32]);

impl Pin {
    /// The pin of a certificate, if it can be parsed.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Pin> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(Pin(Sha256::digest(parsed.public_key().raw).into()))
    }
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Pin, String> {
        let digest = text.strip_prefix("sha256:").ok_or("a pin starts with `sha256:`")?.as_bytes();
        let bytes = match digest.len() {
            64 => HEXLOWER_PERMISSIVE.decode(digest),
            44 => BASE64.decode(digest),
            _ => BASE64_NOPAD.decode(digest),
        };
        bytes.ok().and_then(|bytes| bytes.try_into().ok()).map(Pin).ok_or_else(|| {
            "a pin is `sha256:` and 32 octets in base64 or hex: the SHA-256 of the certificate's public key info"
                .to_owned()
        })
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", BASE64.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", HEXLOWER.encode(&self.0))
    }
}

/// The system's root certificates. What cannot be read is left out: a system without any still reaches upstreams that bring
/// a root or a pin of their own.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "a system root certificate cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    roots
}

/// Adds every certificate of a PEM text to `roots`. Fails on text without one.
pub(crate) fn add_roots(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), String> {
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| format!("this is no PEM: {e}"))?;
        roots.add(certificate).map_err(|e| format!("one of the certificates cannot be used as a root: {e}"))?;
        added += 1;
    }
    match added {
        0 => Err("there is no certificate in it (a PEM file has `-----BEGIN CERTIFICATE-----` lines)".to_owned()),
        _ => Ok(()),
    }
}

/// How one upstream's certificate is verified, and the client configuration that does it.
#[derive(Debug)]
pub(crate) struct UpstreamTls {
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) config: Arc<ClientConfig>,
}

impl UpstreamTls {
    pub(crate) fn new(roots: RootCertStore, pins: Vec<Pin>) -> UpstreamTls {
        let verifier = Arc::new(Verifier::new(roots, pins));
        UpstreamTls { config: client_config(verifier.clone()), verifier }
    }
}

/// A TLS 1.2 and 1.3 client that trusts what `verifier` trusts.
pub(crate) fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> Arc<ClientConfig> {
    let versions = ClientConfig::builder_with_provider(PROVIDER.clone()).with_safe_default_protocol_versions();
    // ring's provider supports both versions: rustls asks only because another might not.
    #[allow(clippy::expect_used)]
    let builder = versions.expect("the ring provider supports TLS 1.2 and 1.3");
    Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Verifies a chain against roots, and a key against pins: with a valid chain the pin counts in addition to it, with a
/// self-signed certificate instead of it.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// `None` where there is no root to trust.
    chain: Option<Arc<WebPkiServerVerifier>>,
    pins: Vec<Pin>,
}

impl Verifier {
    fn new(roots: RootCertStore, pins: Vec<Pin>) -> Verifier {
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), PROVIDER.clone()).build().ok();
        Verifier { chain, pins }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = !self.pins.is_empty();
        if pinned && !Pin::of(end_entity).is_some_and(|pin| self.pins.contains(&pin)) {
            return Err(TlsProblem::PinMismatch.into());
        }
        let chain = match &self.chain {
            Some(chain) => chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        match chain {
            Err(_) if is_self_signed(end_entity) => match pinned {
                // Name and dates of a self-signed certificate are its own claim; the key is what was agreed on.
                true => Ok(ServerCertVerified::assertion()),
                false => Err(TlsProblem::SelfSigned.into()),
            },
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate is signed with its own key. That its issuer has the name of its subject proves nothing: private
/// authorities are often careless with names.
fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| parsed.verify_signature(None).is_ok())
}

/// Why a TLS handshake with an upstream failed, in words that fit a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsProblem {
    #[error("the mail server's certificate is not from an authority this relay trusts")]
    UnknownIssuer,
    #[error("the mail server's certificate is self-signed, and no pin is set for it")]
    SelfSigned,
    #[error("the mail server's key is not the pinned one")]
    PinMismatch,
    #[error("the mail server's certificate is for another host name")]
    WrongName,
    #[error("the mail server's certificate has expired")]
    Expired,
    #[error("the mail server's certificate is not valid yet")]
    NotYetValid,
    #[error("the mail server's certificate cannot be verified")]
    BadCertificate,
    #[error("the mail server offers neither TLS 1.2 nor 1.3 in a form this relay accepts")]
    Incompatible,
    #[error("the mail server refused the TLS handshake")]
    Refused,
    #[error("the mail server does not speak TLS on this port")]
    NotTls,
    #[error("the mail server ended the connection during the TLS handshake")]
    Cut,
    #[error("the mail server refused STARTTLS")]
    StartTlsRefused,
    #[error("the TLS handshake with the mail server failed")]
    Other,
}

impl TlsProblem {
    /// The problem behind what a handshake returned.
    pub(crate) fn of(error: &io::Error) -> TlsProblem {
        use CertificateError as Certificate;
        use rustls::Error;

        let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
            return TlsProblem::Cut;
        };
        match error {
            Error::InvalidCertificate(certificate) => match certificate {
                Certificate::Other(OtherError(inner)) => match inner.downcast_ref::<TlsProblem>() {
                    Some(problem) => *problem,
                    None => TlsProblem::BadCertificate,
                },
                Certificate::UnknownIssuer => TlsProblem::UnknownIssuer,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => TlsProblem::WrongName,
                Certificate::Expired | Certificate::ExpiredContext { .. } => TlsProblem::Expired,
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => TlsProblem::NotYetValid,
                _ => TlsProblem::BadCertificate,
            },
            Error::PeerIncompatible(_)
            | Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
                TlsProblem::Incompatible
            }
            Error::AlertReceived(_) => TlsProblem::Refused,
            Error::InvalidMessage(_) => TlsProblem::NotTls,
            _ => TlsProblem::Other,
        }
    }

    /// What a person who runs the relay can do about it.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            TlsProblem::UnknownIssuer => {
                "If the server belongs to an organisation with an authority of its own, pass its root with --upstream-ca NAME=FILE."
            }
            TlsProblem::SelfSigned | TlsProblem::PinMismatch => {
                "Ask the server's operator for the fingerprint of its key. If it is the one shown, pass it with \
                 --upstream-pin NAME=sha256:… ; if not, somebody may be in between."
            }
            TlsProblem::WrongName => "Use the host name that the certificate is for.",
            TlsProblem::Expired | TlsProblem::NotYetValid => {
                "Check this computer's clock; if it is right, the server's operator has to renew the certificate."
            }
            TlsProblem::NotTls | TlsProblem::Cut => {
                "Check the port: 995 speaks TLS at once (pop3s), 110 after STARTTLS (pop3+starttls)."
            }
            TlsProblem::StartTlsRefused => "The server may want pop3s on port 995 instead.",
            TlsProblem::BadCertificate | TlsProblem::Incompatible | TlsProblem::Refused | TlsProblem::Other => {
                "The server's operator has to look at its TLS settings."
            }
        }
    }
}

impl From<TlsProblem> for rustls::Error {
    fn from(problem: TlsProblem) -> rustls::Error {
        CertificateError::Other(OtherError(Arc::new(problem))).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_base64_or_hex_and_the_same() {
        let octets: [u8; 32] = std::array::from_fn(|i| i as u8);
        let pin = Pin(octets);
        assert_eq!(pin.to_string().parse(), Ok(pin));
        assert_eq!(format!("{pin:?}").parse(), Ok(pin));
        assert_eq!(pin.to_string().trim_end_matches('=').parse(), Ok(pin));
        for bad in
            ["", "sha256:", "sha1:AAAA", "sha256:AAAA", "sha256:zz", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
        {
            assert!(bad.parse::<Pin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pin_is_of_the_key_not_of_the_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            |name: &str| rcgen::CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
        let (one, two) = (certificate("one.example"), certificate("two.example"));
        assert!(Pin::of(one.der()).is_some());
        assert_eq!(Pin::of(one.der()), Pin::of(two.der()));
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        assert_eq!(Pin::of(one.der()), Some(Pin(Sha256::digest(spki).into())));
        assert_eq!(Pin::of(&CertificateDer::from(vec![1, 2, 3])), None);
    }

    #[test]
    fn roots_come_from_pem_alone() {
        let mut roots = RootCertStore::empty();
        assert!(add_roots(&mut roots, b"").is_err());
        assert!(add_roots(&mut roots, b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").is_err());
        let certificate = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
        add_roots(&mut roots, certificate.cert.pem().as_bytes()).unwrap();
        assert_eq!(roots.len(), 1);
    }

    #[test]
    fn every_reason_fits_a_close_frame() {
        for problem in [
            TlsProblem::UnknownIssuer,
            TlsProblem::SelfSigned,
            TlsProblem::PinMismatch,
            TlsProblem::WrongName,
            TlsProblem::Expired,
            TlsProblem::NotYetValid,
            TlsProblem::BadCertificate,
            TlsProblem::Incompatible,
            TlsProblem::Refused,
            TlsProblem::NotTls,
            TlsProblem::Cut,
            TlsProblem::StartTlsRefused,
            TlsProblem::Other,
        ] {
            assert!(problem.to_string().len() <= 123, "{problem}: RFC 6455 §5.5 leaves 123 octets for a reason");
        }
    }
}
