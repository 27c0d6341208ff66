/** The cells of one line of CSV (RFC 4180); undefined when its quotation marks do not match. */
export function csvCells(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(",");
  const cells: string[] = [];
  let from = 0;
  for (;;) {
    if (line[from] === '"') {
      let end = line.indexOf('"', from + 1);
      while (end >= 0 && line[end + 1] === '"') end = line.indexOf('"', end + 2);
      if (end < 0 || (end + 1 < line.length && line[end + 1] !== ",")) return undefined;
      cells.push(line.slice(from + 1, end).replaceAll('""', '"'));
      if (end + 1 === line.length) return cells;
      from = end + 2;
    } else {
      const comma = line.indexOf(",", from);
      const cell = line.slice(from, comma < 0 ? line.length : comma);
      if (cell.includes('"')) return undefined;
      cells.push(cell);
      if (comma < 0) return cells;
      from = comma + 1;
    }
  }
}
