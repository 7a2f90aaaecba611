/** What reader and writer of zip files agree on: signatures, flags and limits. Numbers in brackets are sections of APPNOTE.TXT 6.3.10. */

/** Signatures [4.3.7, 4.3.9, 4.3.12, 4.3.14–4.3.16]. */
export const LOCAL = 0x04034b50;
export const DESCRIPTOR = 0x08074b50;
export const CENTRAL = 0x02014b50;
export const END64 = 0x06064b50;
export const LOCATOR64 = 0x07064b50;
export const END = 0x06054b50;

/** Octets of these without what varies. */
export const LOCAL_OCTETS = 30;
export const CENTRAL_OCTETS = 46;
export const END64_OCTETS = 56;
export const LOCATOR64_OCTETS = 20;
export const END_OCTETS = 22;

/** General purpose bits [4.4.4]. */
export const ENCRYPTED = 1;
export const DESCRIBED = 1 << 3;
export const UTF8 = 1 << 11;

/** Methods [4.4.5]. */
export const STORED = 0;
export const DEFLATED = 8;

/** What the fields of the first zip hold; one that shows it defers to Zip64 [4.4.1.4]. */
export const FULL16 = 0xffff;
export const FULL32 = 0xffffffff;

/** Extra fields: Zip64 [4.5.3], and Info-ZIP's time in UTC. */
export const EXTRA64 = 0x0001;
export const EXTRA_TIME = 0x5455;
