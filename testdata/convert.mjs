// Makes the files of this folder from an unpacked vega-datasets package:
//   (cd ../tests/readers && npm ci)      # DuckDB, to read the package's Parquet file
//   node convert.mjs PACKAGE_DIR
// Values stay as they are; only the container and the spelling of dates change (README.md).
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const require = createRequire(join(here, '../tests/readers/package.json'))
const { DuckDBInstance } = require('@duckdb/node-api')

const [packageDir] = process.argv.slice(2)
if (!packageDir) {
  console.error('usage: node convert.mjs PACKAGE_DIR')
  process.exit(2)
}
const source = (name) => join(packageDir, 'data', name)
const write = (name, lines) => writeFileSync(join(here, name), lines.join('\n') + '\n')

const kMonths = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

function convertStocks() {
  const lines = readFileSync(source('stocks.csv'), 'utf8').trim().split(/\r?\n/)
  write('stocks.csv', lines.map((line, row) => row === 0 ? line : line.replace(
    /,(\w{3}) (\d+) (\d{4}),/,
    (_, month, day, year) => `,${year}-${String(kMonths.indexOf(month) + 1).padStart(2, '0')}-` +
      `${day.padStart(2, '0')},`)))
}

function convertFlights() {
  const flights = JSON.parse(readFileSync(source('flights-20k.json'), 'utf8'))
  write('flights.ndjson', flights.map((flight) => JSON.stringify({
    ...flight,
    date: flight.date.replace(/^(\d+)\/(\d+)\/(\d+) (\d+:\d+)$/, '$1-$2-$3T$4:00Z'),
  })))
}

async function convertFlightsWeek() {
  const connection = await (await DuckDBInstance.create()).connect()
  const reader = await connection.runAndReadAll(`
    SELECT strftime(date, '%Y-%m-%dT%H:%M:%SZ'), origin, destination, delay, distance
    FROM read_parquet('${source('flights-3m.parquet')}', file_row_number = true)
    WHERE date < TIMESTAMP '2001-01-08' ORDER BY file_row_number`)
  write('flights-week.csv', ['date,origin,destination,delay,distance',
    ...reader.getRows().map((row) => row.join(','))])
}

for (const name of ['weather.csv', 'seattle-weather-hourly-normals.csv']) {
  copyFileSync(source(name), join(here, name))
}
convertStocks()
convertFlights()
await convertFlightsWeek()
