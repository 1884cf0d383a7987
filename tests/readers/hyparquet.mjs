// node hyparquet.mjs FILE...
// Prints the rows of flat Parquet files, file after file, in canonical spelling.
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { fail, printRows, spell } from './canonical.mjs'

// hyparquet's own parsers round timestamps to milliseconds and replace what is not UTF-8.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const parsers = {
  timestampFromMilliseconds: (millis) => BigInt(millis) * 1000n,
  timestampFromMicroseconds: (micros) => BigInt(micros),
  timestampFromNanoseconds: (nanos) => nanos % 1000n === 0n
    ? nanos / 1000n : fail(`${nanos} ns has no spelling in microseconds`),
  dateFromDays: (days) => days,
  stringFromBytes: (bytes) => bytes && utf8.decode(bytes),
}

function spellingOf(element) {
  const { name, type, converted_type: converted, logical_type: logical } = element
  if (element.num_children) fail(`column ${name} is nested`)
  if (type === 'BOOLEAN') return spell.boolean
  if (type === 'INT32' || type === 'INT64') return spell.integer
  if (type === 'FLOAT' || type === 'DOUBLE') return spell.double
  if (converted === 'UTF8' || logical?.type === 'STRING') return spell.string
  if (type === 'BYTE_ARRAY' && !converted && !logical) return spell.binary
  return fail(`column ${name} has type ${type} ${converted ?? logical?.type ?? ''}`)
}

const files = process.argv.slice(2)
if (files.length === 0) fail('usage: node hyparquet.mjs FILE...', 2)
for (const path of files) {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const columns = metadata.schema.slice(1)
    .map((element) => ({ name: element.name, spell: spellingOf(element) }))
  const rows = await parquetReadObjects({ file, metadata, compressors, parsers, utf8: false })
  if (BigInt(rows.length) !== metadata.num_rows) {
    fail(`${path}: ${rows.length} rows read, the footer says ${metadata.num_rows}`)
  }
  await printRows(columns, rows.map((row) => columns.map(({ name }) => row[name])))
}
