/** PNG of black and white, one bit a pixel (PNG specification, third edition): no alpha, and small at any size. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const BLACK_AND_WHITE = [1, 0, 0, 0, 0]; // bits a pixel, greyscale, and the only compression, filters and order

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** Whether this browser can write them. */
export const CAN_WRITE = typeof CompressionStream === "function";

/** How many bytes a row has: whether it is filtered (never), and its bits. */
export function rowBytes(width) {
  return 1 + Math.ceil(width / 8);
}

/**
 * @param {number} width
 * @param {number} height
 * @param {Iterable<Uint8Array<ArrayBuffer>>} rows whole rows of `rowBytes(width)` each, from the top, in pieces of any number
 * @returns {Promise<Blob>}
 */
export async function png(width, height, rows) {
  const header = new DataView(new ArrayBuffer(8));
  header.setUint32(0, width);
  header.setUint32(4, height);
  const parts = [
    new Uint8Array(SIGNATURE),
    ...chunk("IHDR", new Uint8Array([...new Uint8Array(header.buffer), ...BLACK_AND_WHITE])),
    ...chunk("IDAT", await deflated(rows)),
    ...chunk("IEND", new Uint8Array(0)),
  ];
  return new Blob(parts, { type: "image/png" });
}

async function deflated(rows) {
  const stream = new CompressionStream("deflate");
  const result = new Response(stream.readable).arrayBuffer();
  const writer = stream.writable.getWriter();
  for (const piece of rows) await writer.write(piece);
  await writer.close();
  return new Uint8Array(await result);
}

function chunk(name, data) {
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, data.length);
  for (let i = 0; i < 4; i += 1) head.setUint8(4 + i, name.charCodeAt(i));
  const foot = new DataView(new ArrayBuffer(4));
  foot.setUint32(0, crc(data, crc(new Uint8Array(head.buffer, 4))));
  return [head.buffer, data, foot.buffer];
}

/** CRC-32 of `data`, going on from that of what came before. */
function crc(data, before = 0) {
  let c = ~before >>> 0;
  for (const byte of data) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}
