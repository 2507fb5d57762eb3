// hold.mjs — somebody else who keeps a lock, until release().
import { spawn } from 'node:child_process';
import { program } from './postgres.mjs';

/* A client whose statements end with one that prints `held`; `end` is sent at release. */
async function hold(command, args, statements, end) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.stdin.write(`${statements} SELECT 'held';\n`);
    await new Promise((resolve) => child.stdout.on('data', (text) => String(text).includes('held') && resolve()));
    return () => (child.stdin.end(`${end};\n`), ended);
}

/* A process that has the SQLite file for itself. */
export function holdFile(path) {
    return hold('sqlite3', [path], 'PRAGMA journal_mode; BEGIN IMMEDIATE;', 'ROLLBACK');
}

/* A session that has the row of an organization in PostgreSQL. */
export function holdOrganization(url, id) {
    const lock = `SELECT id FROM organization WHERE id = ${id} FOR UPDATE;`;
    return hold(program('psql'), ['-XqAt', '-v', 'ON_ERROR_STOP=1', url], `BEGIN; ${lock}`, 'ROLLBACK');
}
