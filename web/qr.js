/**
 * QR codes (ISO/IEC 18004) of addresses: in bytes, versions 1 to 10, which hold 213 of them, error correction level M. No nodes here.
 */

/** By version: error correction codewords of a block, and the data codewords of each block. @type {[number, number[]][]} */
const BLOCKS = [
  [10, [16]], [16, [28]], [26, [44]], [18, [32, 32]], [24, [43, 43]], [16, [27, 27, 27, 27]], [18, [31, 31, 31, 31]],
  [22, [38, 38, 39, 39]], [22, [36, 36, 36, 37, 37]], [26, [43, 43, 43, 43, 44]],
];
/** By version, where alignment patterns stand. */
const ALIGNED = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];
/** @type {((x: number, y: number) => boolean)[]} */
const MASKS = [
  (x, y) => (x + y) % 2 === 0, (_, y) => y % 2 === 0, x => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0, (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];
const MODE = 4;
/** The bits of level M in the format information. */
const LEVEL = 0;

/** Powers of 2 in the field of 256 elements, and their logarithms. */
const POWERS = new Uint8Array(255);
const LOGS = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  POWERS[power] = value;
  LOGS[value] = power;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}

/** The dark modules of a text's code, row by row; undefined: it is too long. @param {string} text @returns {boolean[][] | undefined} */
export function qrOf(text) {
  const bytes = new TextEncoder().encode(text);
  const version = 1 + BLOCKS.findIndex(([, blocks], place) => capacity(blocks) * 8 >= 4 + (place < 9 ? 8 : 16) + bytes.length * 8);
  if (!version) return undefined;
  const codewords = interleaved(dataOf(bytes, version), version);
  const frame = frameOf(version);
  let best;
  for (let mask = 0; mask < 8; mask++) {
    const rows = filled(frame, codewords, mask, version);
    const cost = penalty(rows);
    if (!best || cost < best.cost) best = { rows, cost };
  }
  return best?.rows;
}

/** @param {number[]} blocks */
function capacity(blocks) {
  return blocks.reduce((sum, one) => sum + one, 0);
}

/** @param {number} version @returns {[number, number[]]} */
function blocksOf(version) {
  return /** @type {[number, number[]]} */ (BLOCKS[version - 1]);
}

/** @param {Uint8Array} bytes @param {number} version @returns {number[]} codewords */
function dataOf(bytes, version) {
  /** @type {number[]} */
  const bits = [];
  const push = (/** @type {number} */ value, /** @type {number} */ length) => {
    for (let bit = length - 1; bit >= 0; bit--) bits.push((value >> bit) & 1);
  };
  push(MODE, 4);
  push(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) push(byte, 8);
  const total = capacity(blocksOf(version)[1]) * 8;
  push(0, Math.min(4, total - bits.length));
  push(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0; bits.length < total; pad++) push(pad % 2 ? 0x11 : 0xec, 8);
  /** @type {number[]} */
  const found = [];
  for (let at = 0; at < bits.length; at += 8) found.push(bits.slice(at, at + 8).reduce((value, bit) => value * 2 + bit, 0));
  return found;
}

/** Data and error correction of all blocks, in the order in which they are drawn. @param {number[]} data @param {number} version */
function interleaved(data, version) {
  const [extra, sizes] = blocksOf(version);
  let from = 0;
  const blocks = sizes.map(size => data.slice(from, (from += size)));
  const corrections = blocks.map(block => correction(block, extra));
  return [...across(blocks), ...across(corrections)];
}

/** @param {number[][]} blocks */
function across(blocks) {
  /** @type {number[]} */
  const found = [];
  const longest = Math.max(...blocks.map(({ length }) => length));
  for (let at = 0; at < longest; at++) for (const block of blocks) if (at < block.length) found.push(block[at] ?? 0);
  return found;
}

/** The remainder of a block by the generator of that degree (Reed-Solomon). @param {number[]} block @param {number} degree */
function correction(block, degree) {
  let generator = [1];
  for (let power = 0; power < degree; power++) {
    const next = [...generator, 0];
    for (const [place, one] of generator.entries()) next[place + 1] = (next[place + 1] ?? 0) ^ times(one, POWERS[power] ?? 0);
    generator = next;
  }
  const rest = [...block, ...new Array(degree).fill(0)];
  for (let at = 0; at < block.length; at++) {
    const lead = rest[at];
    for (const [place, one] of generator.entries()) rest[at + place] ^= times(one, lead);
  }
  return rest.slice(block.length);
}

/** @param {number} one @param {number} other */
function times(one, other) {
  return one && other ? POWERS[((LOGS[one] ?? 0) + (LOGS[other] ?? 0)) % 255] ?? 0 : 0;
}

/** What every code of a version has; undefined where data go. @param {number} version @returns {(boolean | undefined)[][]} */
function frameOf(version) {
  const size = 17 + 4 * version;
  /** @type {(boolean | undefined)[][]} */
  const rows = Array.from({ length: size }, () => new Array(size).fill(undefined));
  const set = (/** @type {number} */ x, /** @type {number} */ y, /** @type {boolean} */ dark) => {
    const row = rows[y];
    if (row && x >= 0 && x < size) row[x] = dark;
  };
  /** @param {number} x @param {number} y @param {number} reach @param {number[]} light */
  const rings = (x, y, reach, light) => {
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) set(x + dx, y + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  };
  const places = ALIGNED[version - 1] ?? [];
  const last = places[places.length - 1];
  for (const x of places) {
    for (const y of places) {
      if ((x === 6 && (y === 6 || y === last)) || (y === 6 && x === last)) continue;
      rings(x, y, 2, [1]);
    }
  }
  for (let at = 8; at < size - 8; at++) set(at, 6, at % 2 === 0), set(6, at, at % 2 === 0);
  for (const [x, y] of /** @type {[number, number][]} */ ([[3, 3], [size - 4, 3], [3, size - 4]])) rings(x, y, 4, [2, 4]);
  for (let at = 0; at < 9; at++) {
    if (at !== 6) set(at, 8, false), set(8, at, false);
    if (at < 8) set(size - 1 - at, 8, false), set(8, size - 1 - at, false);
  }
  if (version >= 7) {
    let rest = version;
    for (let step = 0; step < 12; step++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
    const bits = (version << 12) | rest;
    for (let bit = 0; bit < 18; bit++) {
      const [along, across] = [size - 11 + (bit % 3), Math.floor(bit / 3)];
      set(along, across, ((bits >> bit) & 1) === 1);
      set(across, along, ((bits >> bit) & 1) === 1);
    }
  }
  return rows;
}

/** @param {(boolean | undefined)[][]} frame @param {number[]} codewords @param {number} mask @param {number} version @returns {boolean[][]} */
function filled(frame, codewords, mask, version) {
  const size = 17 + 4 * version;
  const masked = /** @type {(x: number, y: number) => boolean} */ (MASKS[mask]);
  const rows = frame.map(row => [...row]);
  let bit = 0;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        const row = /** @type {(boolean | undefined)[]} */ (rows[y]);
        if (frame[y]?.[x] !== undefined) continue;
        const dark = (((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
        row[x] = dark !== masked(x, y);
        bit++;
      }
    }
  }
  let rest = (LEVEL << 3) | mask;
  for (let step = 0; step < 10; step++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const format = ((((LEVEL << 3) | mask) << 10) | rest) ^ 0x5412;
  for (let at = 0; at < 15; at++) {
    const dark = ((format >> at) & 1) === 1;
    const [x, y] = at < 6 ? [8, at] : at < 8 ? [8, at + 1] : at === 8 ? [7, 8] : [14 - at, 8];
    /** @type {(boolean | undefined)[]} */ (rows[y])[x] = dark;
    const [other, below] = at < 8 ? [size - 1 - at, 8] : [8, size - 15 + at];
    /** @type {(boolean | undefined)[]} */ (rows[below])[other] = dark;
  }
  /** @type {(boolean | undefined)[]} */ (rows[size - 8])[8] = true;
  return rows.map(row => row.map(Boolean));
}

/** How hard a code is to read: see 7.8.3 of the standard. @param {boolean[][]} rows */
function penalty(rows) {
  const size = rows.length;
  const columns = rows.map((_, x) => rows.map(row => row[x] ?? false));
  let cost = 0;
  for (const lines of [rows, columns]) {
    for (const line of lines) {
      const text = line.map(dark => (dark ? "1" : "0")).join("");
      for (const { 0: run } of text.matchAll(/1{5,}|0{5,}/gu)) cost += run.length - 2;
      for (const pattern of ["10111010000", "00001011101"]) {
        for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) cost += 40;
      }
    }
  }
  for (let y = 0; y < size - 1; y++) {
    for (let x = 0; x < size - 1; x++) {
      const first = rows[y]?.[x];
      if (rows[y]?.[x + 1] === first && rows[y + 1]?.[x] === first && rows[y + 1]?.[x + 1] === first) cost += 3;
    }
  }
  const dark = rows.flat().filter(Boolean).length;
  return cost + Math.floor(Math.abs(dark * 20 - size * size * 10) / (size * size)) * 10;
}
