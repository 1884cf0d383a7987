// Rows in one canonical spelling, so that readers can be compared line by line:
//   one JSON object a row, keys sorted; null as null, booleans and strings as they are;
//   integers as decimal strings; dates as days and timestamps as microseconds since 1970, likewise;
//   doubles as the shortest number that reads back, and "NaN", "-0", "Infinity", "-Infinity";
//   binary as lower-case hex.

export const spell = {
  boolean: (value) => expect(value, typeof value === 'boolean', 'a boolean'),
  integer: (value) => expect(String(value), Number.isSafeInteger(value) ||
    typeof value === 'bigint', 'an integer'),
  double(value) {
    expect(value, typeof value === 'number', 'a number')
    if (Object.is(value, -0)) return '-0'
    return Number.isFinite(value) ? value : String(value)
  },
  string: (value) => expect(value, typeof value === 'string', 'UTF-8 text'),
  binary: (value) => Buffer.from(value).toString('hex'),
}

const kSpellingOfIceberg = {
  boolean: spell.boolean,
  int: spell.integer,
  long: spell.integer,
  float: spell.double,
  double: spell.double,
  string: spell.string,
  binary: spell.binary,
  date: spell.integer,
  timestamp: spell.integer,
  timestamptz: spell.integer,
}

export function spellingOfIceberg(type) {
  return kSpellingOfIceberg[type] ?? fail(`no canonical spelling of the Iceberg type ${type}`)
}

// `columns`: [{name, spell}]; `rows`: arrays of values in that order.
export function printRows(columns, rows) {
  const order = columns.map((column, at) => ({ ...column, at }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
  order.forEach(({ name }, at) => {
    if (name === order[at + 1]?.name) fail(`two columns are named ${name}`)
  })
  const lines = []
  for (const row of rows) {
    const members = order.map(({ name, spell, at }) => {
      const value = row[at]
      return `${JSON.stringify(name)}:${value == null ? 'null' : JSON.stringify(spell(value))}`
    })
    lines.push(`{${members.join(',')}}\n`)
  }
  return write(lines)
}

// Exit code 1 for what went wrong, 2 for a wrong command line.
export function fail(message, code = 1) {
  process.stderr.write(`${process.argv[1].split('/').pop()}: ${message}\n`)
  process.exit(code)
}

function expect(value, holds, what) {
  return holds ? value : fail(`${String(value)} is not ${what}`)
}

async function write(lines) {
  const kLinesAtOnce = 1000
  for (let at = 0; at < lines.length; at += kLinesAtOnce) {
    const piece = lines.slice(at, at + kLinesAtOnce).join('')
    if (!process.stdout.write(piece)) {
      await new Promise((drained) => process.stdout.once('drain', drained))
    }
  }
}
