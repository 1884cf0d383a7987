// node chdb.mjs --table TABLE_DIR [--columns a,b] [--where SQL] [--settings name=value,...]
// node chdb.mjs --table TABLE_DIR --query 'SELECT ... FROM {table} ...' [--settings ...]
// Reads an Iceberg table with ClickHouse's icebergLocal and prints rows in canonical spelling. The
// first form prints the table's rows (all columns by default), typed by the table's schema; the
// second any query whose columns are integers, floats, booleans or strings. Settings are
// ClickHouse's, of the query. Relative paths are taken before the program moves into TABLE_DIR,
// where ClickHouse wants to be.
import { readFileSync, readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { query as runQuery } from 'chdb'
import { fail, printRows, spell, spellingOfIceberg } from './canonical.mjs'

const quoted = (name) => '`' + name.replace(/[\\`]/g, '\\$&') + '`'

// What to select, so that JSON carries the exact value of an Iceberg type.
const kExpressions = {
  int: (name) => `toString(${name})`,
  long: (name) => `toString(${name})`,
  date: (name) => `toString(toInt32(${name}))`,
  timestamp: (name) => `toString(toUnixTimestamp64Micro(${name}))`,
  timestamptz: (name) => `toString(toUnixTimestamp64Micro(${name}))`,
  binary: (name) => `lower(hex(${name}))`,
}
const kDenormals = { nan: NaN, '-nan': NaN, inf: Infinity, '-inf': -Infinity }
const spellDouble = (value) => spell.double(kDenormals[value] ?? value)

function currentFields() {
  const versions = readdirSync('metadata')
    .map((name) => Number(/^v(\d+)\.metadata\.json$/.exec(name)?.[1] ?? -1))
  const newest = Math.max(...versions)
  if (newest < 0) fail('no metadata/vN.metadata.json in the table')
  const metadata = JSON.parse(readFileSync(`metadata/v${newest}.metadata.json`, 'utf8'))
  return metadata.schemas.find((schema) =>
    schema['schema-id'] === metadata['current-schema-id']).fields
}

function tableQuery(names, where) {
  const fields = currentFields()
  const chosen = names ? names.map((name) => fields.find((field) => field.name === name) ??
    fail(`the table has no column ${name}`)) : fields
  const selected = chosen.map(({ name, type }) =>
    (kExpressions[type] ?? ((column) => column))(`t.${quoted(name)}`))
  return {
    sql: `SELECT ${selected.map((expression, at) => `${expression} AS _${at}`).join(', ')} ` +
      `FROM {table} AS t ${where ? `WHERE ${where}` : ''}`,
    columns: chosen.map(({ name, type }) => ({
      name,
      spell: kExpressions[type] ? spell.string
        : spellingOfIceberg(type) === spell.double ? spellDouble : spellingOfIceberg(type),
    })),
  }
}

function spellingOf(name, type) {
  const bare = type.replace(/^(?:Nullable|LowCardinality)\((.*)\)$/, '$1')
  if (/^U?Int\d+$/.test(bare)) return (value) => String(value)
  if (/^Float\d+$/.test(bare)) return spellDouble
  if (bare === 'Bool') return spell.boolean
  if (bare === 'String') return spell.string
  return fail(`column ${name} has type ${type}: convert it in the query`)
}

const { values: options } = parseArgs({
  options: {
    table: { type: 'string' },
    columns: { type: 'string' },
    where: { type: 'string' },
    query: { type: 'string' },
    settings: { type: 'string' },
  },
})
if (!options.table || (options.query && (options.columns || options.where))) {
  fail('usage: node chdb.mjs --table TABLE_DIR [--columns a,b] [--where SQL | --query SQL] ' +
    '[--settings name=value,...]', 2)
}
process.chdir(options.table)
const { sql, columns } = options.query ? { sql: options.query }
  : tableQuery(options.columns?.split(','), options.where)
const settings = ['output_format_json_quote_64bit_integers=1',
  'output_format_json_quote_denormals=1', ...options.settings?.split(',') ?? []]
const answer = runQuery(
  `${sql.replaceAll('{table}', "icebergLocal('.')")} SETTINGS ${settings.join(', ')}`,
  'JSONCompactEachRowWithNamesAndTypes')
const [names, types, ...rows] = answer.split('\n').filter(Boolean).map((line) => JSON.parse(line))
await printRows(columns ?? names.map((name, at) => ({ name, spell: spellingOf(name, types[at]) })),
  rows)
