//! The relay's own certificate: what it serves HTTPS with, for which names, and how it is renewed without dropping anybody.

use crate::tls::PROVIDER;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use x509_parser::time::ASN1Time;

/// Days that are left when a renewal has gone wrong: certbot and its like renew a certificate of 90 days when 30 are left.
const EXPIRES_SOON: i64 = 14;

/// The relay's certificate and how it is served. TLS 1.2 and 1.3.
pub(crate) struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    renewable: Arc<Renewable>,
}

impl ServerTls {
    /// Reads certificate chain and key from PEM files.
    ///
    /// # Errors
    ///
    /// A sentence: a file cannot be read or has nothing of its kind in it, or the two do not go together.
    pub(crate) fn load(cert: &Path, key: &Path) -> Result<ServerTls, String> {
        let current = RwLock::new(Arc::new(read(cert, key)?));
        let renewable = Arc::new(Renewable { cert: cert.to_owned(), key: key.to_owned(), current });
        let mut config = ServerConfig::builder_with_provider(PROVIDER.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(renewable.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(ServerTls { config: Arc::new(config), renewable })
    }

    /// Reads the files again, and returns whether they have another certificate. New connections are shown it; those that are
    /// open go on as they are.
    ///
    /// # Errors
    ///
    /// As for [`ServerTls::load`]; the certificate from before stays in use. A renewal that was seen half way is one of these.
    pub(crate) fn reload(&self) -> Result<bool, String> {
        let Renewable { cert, key, current } = &*self.renewable;
        let read = read(cert, key)?;
        let changed = self.renewable.current().cert != read.cert;
        if changed {
            *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        }
        Ok(changed)
    }

    /// Whether the certificate is for `host`, a name or a literal address.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let current = self.renewable.current();
        let parsed = current.cert.first().map(ParsedCertificate::try_from);
        match (parsed, ServerName::try_from(bare)) {
            (Some(Ok(certificate)), Ok(name)) => rustls::client::verify_server_name(&certificate, &name).is_ok(),
            _ => false,
        }
    }

    /// When the certificate expires, in seconds since 1970.
    pub(crate) fn expires(&self) -> Option<i64> {
        let current = self.renewable.current();
        let (_, parsed) = x509_parser::parse_x509_certificate(current.cert.first()?).ok()?;
        Some(parsed.validity().not_after.timestamp())
    }

    /// Says in the log when the certificate has to be renewed soon, or should have been.
    pub(crate) fn warn_of_expiry(&self) {
        match self.days_left() {
            Some(..0) => tracing::error!("the relay's certificate has expired: browsers refuse it"),
            Some(days @ 0..EXPIRES_SOON) => tracing::warn!(days, "the relay's certificate expires soon"),
            _ => {}
        }
    }

    /// Days that are left until then, rounded down; negative where it is over.
    pub(crate) fn days_left(&self) -> Option<i64> {
        self.expires().map(days_until)
    }
}

/// Whole days until a time in seconds since 1970; less than none where it is over.
pub(crate) fn days_until(end: i64) -> i64 {
    (end - ASN1Time::now().timestamp()).div_euclid(86_400)
}

/// The certificate that new connections are shown.
#[derive(Debug)]
struct Renewable {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Renewable {
    fn current(&self) -> Arc<CertifiedKey> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Renewable {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, String> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|e| format!("the certificate {} cannot be read: {e}", cert.display()))?;
    if chain.is_empty() {
        return Err(format!("there is no certificate in {}", cert.display()));
    }
    let key_der =
        PrivateKeyDer::from_pem_file(key).map_err(|e| format!("the key {} cannot be read: {e}", key.display()))?;
    CertifiedKey::from_der(chain, key_der, &PROVIDER).map_err(|e| {
        format!("the certificate {} and the key {} do not go together: {e}", cert.display(), key.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewed_certificate_takes_the_place_of_the_old_one_and_a_broken_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        let make = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let (old, new) = (make("old.example"), make("new.example"));
        std::fs::write(&cert, old.cert.pem()).unwrap();
        std::fs::write(&key, old.signing_key.serialize_pem()).unwrap();
        let tls = ServerTls::load(&cert, &key).unwrap();
        assert_eq!(tls.reload(), Ok(false));
        assert!(tls.is_for("old.example") && tls.days_left().unwrap() > 0);

        std::fs::write(&cert, new.cert.pem()).unwrap();
        assert!(tls.reload().unwrap_err().contains("do not go together"), "its key is yet to come");
        assert!(tls.is_for("old.example"));
        std::fs::write(&key, new.signing_key.serialize_pem()).unwrap();
        assert_eq!(tls.reload(), Ok(true));
        assert!(tls.is_for("new.example") && !tls.is_for("old.example"));
        std::fs::remove_file(&cert).unwrap();
        assert!(tls.reload().is_err() && tls.is_for("new.example"));
    }
}
