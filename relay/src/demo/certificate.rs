//! The demo mailbox's own certificate authority, made anew at each start and trusted by nobody else.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::calendar::Moment;

/// What a loopback mailbox is called.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A server configuration for TLS 1.2 and 1.3 with a certificate for [`NAMES`], and the PEM text of the authority that signed
/// it, valid from the day before `now` for a year.
pub(super) fn issue(now: u64) -> io::Result<(Arc<ServerConfig>, String)> {
    let authority = authority(now).map_err(io::Error::other)?;
    let (certificate, key) = leaf(now, &authority).map_err(io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(io::Error::other)?;
    Ok((Arc::new(config), authority.pem()))
}

fn authority(now: u64) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = params(now, "Poplar demo authority", Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn leaf(
    now: u64,
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let mut params = params(now, "Poplar demo mailbox", NAMES.map(String::from).to_vec())?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?, key))
}

fn params(now: u64, name: &str, subjects: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(subjects)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let date = |moment: Moment| rcgen::date_time_ymd(moment.year as i32, moment.month as u8, moment.day as u8);
    // A day early, for a clock that is set right in between.
    params.not_before = date(Moment::at(now.saturating_sub(24 * 60 * 60), 0));
    params.not_after = date(Moment::at(now, 365));
    Ok(params)
}
