//! The headers that keep a page safe, on every reply: a script, a worker and a module of wasm obey those of their own.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// What the page may do: run its own script and wasm. For mail's sake, whose frame inherits this policy, it allows style attributes and
/// images: those in the message itself, as `data:`, and others over TLS where a person asks for them. The same policy goes with scripts and
/// workers, since a worker obeys the policy of its own response.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: https:; connect-src 'self'; worker-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types poplar";

/// Devices that no page of the relay ever needs.
const PERMISSIONS_POLICY: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// A year, as RFC 6797 §6.1.1 counts it.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=31536000";

/// Sets the headers that every reply has.
pub(crate) fn secure(headers: &mut HeaderMap, tls: bool) {
    let always = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT_SECURITY));
    }
}

/// Opens a shared reply to an allowed origin, and tells caches that it depends on who asks.
pub(crate) fn share(headers: &mut HeaderMap, origin: Option<&str>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(Ok(origin)) = origin.map(HeaderValue::try_from) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let everywhere = HeaderValue::from_static("cross-origin");
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), everywhere);
    }
}
