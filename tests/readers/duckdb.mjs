// node duckdb.mjs --query SQL
// Runs SQL in an in-memory DuckDB and prints the rows of its last statement in canonical spelling.
import { parseArgs } from 'node:util'
import { fail, printRows, spell } from './canonical.mjs'

// The decoder that DuckDB's package makes for itself drops a byte order mark and replaces what is
// not UTF-8; it is to do neither.
globalThis.TextDecoder = class extends TextDecoder {
  constructor(label) {
    super(label, { fatal: true, ignoreBOM: true })
  }
}
const { DuckDBInstance, DuckDBTypeId: Id } = await import('@duckdb/node-api')

const kSpellings = {
  [Id.BOOLEAN]: spell.boolean,
  [Id.FLOAT]: spell.double,
  [Id.DOUBLE]: spell.double,
  [Id.VARCHAR]: spell.string,
  [Id.BLOB]: (value) => spell.binary(value.bytes),
  [Id.DATE]: (value) => spell.integer(value.days),
  [Id.TIMESTAMP]: (value) => spell.integer(value.micros),
  [Id.TIMESTAMP_TZ]: (value) => spell.integer(value.micros),
}
for (const id of [Id.TINYINT, Id.SMALLINT, Id.INTEGER, Id.BIGINT, Id.HUGEINT, Id.UTINYINT,
  Id.USMALLINT, Id.UINTEGER, Id.UBIGINT]) {
  kSpellings[id] = spell.integer
}

const { values: { query } } = parseArgs({ options: { query: { type: 'string' } } })
if (!query) fail('usage: node duckdb.mjs --query SQL', 2)
const connection = await (await DuckDBInstance.create()).connect()
const reader = await connection.runAndReadAll(query)
const columns = reader.columnNames().map((name, at) => ({
  name,
  spell: kSpellings[reader.columnTypeId(at)] ??
    fail(`column ${name} has type ${reader.columnType(at)}: cast it in the query`),
}))
await printRows(columns, reader.getRows())
