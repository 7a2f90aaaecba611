//! What bytes are, whatever they are said to be.

/// Beginnings that leave no doubt, of what is commonly attached (WHATWG MIME Sniffing §6 and the formats' own specifications).
const MAGIC: [(&[u8], &str); 9] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
];

/// Formats that are a ZIP file inside, and keep their own name.
const ZIPPED: [&str; 4] =
    ["application/vnd.openxmlformats", "application/vnd.oasis", "application/epub", "application/java"];

/// The type that the first bytes prove, if they do.
pub(super) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    MAGIC.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, kind)| kind)
}

/// Whether `declared` is a more exact name for what was sniffed.
pub(super) fn refines(declared: &str, sniffed: &str) -> bool {
    sniffed == "application/zip" && ZIPPED.iter().any(|prefix| declared.starts_with(prefix))
}

/// A file name's ending for a type.
pub(super) fn extension(kind: &str) -> &'static str {
    match kind {
        "application/pdf" => "pdf",
        "application/xml" | "text/xml" => "xml",
        "application/zip" => "zip",
        "image/gif" => "gif",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "message/rfc822" => "eml",
        "text/calendar" => "ics",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/vcard" => "vcf",
        _ if kind.starts_with("text/") || kind.starts_with("message/") => "txt",
        _ => "bin",
    }
}
