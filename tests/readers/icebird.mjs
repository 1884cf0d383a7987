// node icebird.mjs TABLE_DIR
// Prints the rows of the Iceberg table that metadata/version-hint.text in TABLE_DIR names, in
// canonical spelling. The paths that the table records must be bare or file://.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import { icebergMetadata, icebergRead } from 'icebird'
import { fail, printRows, spell, spellingOfIceberg } from './canonical.mjs'
// icebird takes no parsers, and those of its hyparquet round timestamps and replace bad UTF-8. The
// lock file holds this path in place.
import { DEFAULT_PARSERS } from './node_modules/icebird/node_modules/hyparquet/src/convert.js'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
Object.assign(DEFAULT_PARSERS, {
  timestampFromMicroseconds: (micros) => BigInt(micros),
  timestampFromNanoseconds: (nanos) => fail(`${nanos}: icebird knows no nanoseconds`),
  dateFromDays: (days) => days,
  stringFromBytes(bytes) {
    try {
      return bytes && utf8.decode(bytes)
    } catch {
      return Uint8Array.from(bytes)
    }
  },
})

// icebird reads through fetch alone; this one serves files.
globalThis.fetch = async (url, { headers, method } = {}) => {
  const path = String(url).replace(/^file:\/\//, '')
  let file
  try {
    file = openSync(path)
  } catch {
    return new Response(null, { status: 404, statusText: `no file ${path}` })
  }
  try {
    const size = fstatSync(file).size
    if (method === 'HEAD') return new Response(null, { headers: { 'content-length': `${size}` } })
    const range = /^bytes=(\d+)-(\d*)$/.exec(new Headers(headers).get('range') ?? '')
    const first = range ? Number(range[1]) : 0
    const end = range?.[2] ? Math.min(size, Number(range[2]) + 1) : size
    const bytes = Buffer.alloc(Math.max(0, end - first))
    readSync(file, bytes, 0, bytes.length, first)
    return new Response(bytes, { status: range ? 206 : 200 })
  } finally {
    closeSync(file)
  }
}

const [table] = process.argv.slice(2)
if (!table) fail('usage: node icebird.mjs TABLE_DIR', 2)
const tableUrl = resolve(table)
const metadata = await icebergMetadata({ tableUrl })
const schema = metadata.schemas.find((each) =>
  each['schema-id'] === metadata['current-schema-id'])
const columns = schema.fields.map(({ name, type }) => ({
  name,
  spell: type === 'binary' ? (value) => spell.binary(value) : spellingOfIceberg(type),
}))
const rows = await icebergRead({ tableUrl, metadata })
await printRows(columns, rows.map((row) => columns.map(({ name }) => row[name])))
