/** CRC-32 as zip has it (APPNOTE.TXT 4.4.7): polynomial 0xEDB88320, eight octets a step. */

const STEP = 8;

/** Tables for one octet at each of eight places, one behind the other. */
const TABLES = new Uint32Array(STEP * 256);
for (let octet = 0; octet < 256; octet++) {
  let crc = octet;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  TABLES[octet] = crc;
}
for (let place = 256; place < TABLES.length; place++) {
  const before = TABLES[place - 256];
  TABLES[place] = (before >>> 8) ^ TABLES[before & 255];
}

/**
 * The checksum of what gave `crc` (0 for nothing) followed by `bytes`.
 * @param {number} crc @param {Uint8Array} bytes @returns {number}
 */
export function crc32(crc, bytes) {
  const T = TABLES;
  let c = ~crc;
  let i = 0;
  for (const end = bytes.length - (bytes.length % STEP); i < end; i += STEP) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    c =
      T[1792 + (c & 255)] ^
      T[1536 + ((c >>> 8) & 255)] ^
      T[1280 + ((c >>> 16) & 255)] ^
      T[1024 + (c >>> 24)] ^
      T[768 + bytes[i + 4]] ^
      T[512 + bytes[i + 5]] ^
      T[256 + bytes[i + 6]] ^
      T[bytes[i + 7]];
  }
  for (; i < bytes.length; i++) c = (c >>> 8) ^ T[(c ^ bytes[i]) & 255];
  return ~c >>> 0;
}
