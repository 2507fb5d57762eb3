// `roster migrate`: tables made, an older database brought up to date, or only told that it must be.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { organization } from './support/objects.mjs';
import { ENGINE, Roster, ROOT } from './support/roster.mjs';

const MIGRATIONS = path.join(ROOT, 'src/store/sqlite/migrations');
const files = fs.readdirSync(MIGRATIONS).sort();
const NEWEST = files.length;
const nameOf = (file) => file.replace('.sql', '');

/* A Roster whose database is one that an older version left: an empty one of that schema. */
function olderRoster(schema) {
    const roster = new Roster({ engine: 'sqlite' });
    const script = [
        'PRAGMA journal_mode = WAL;',
        ...files.slice(0, schema).map((file) => fs.readFileSync(path.join(MIGRATIONS, file), 'utf8')),
        `UPDATE installation SET schema_version = ${schema}; PRAGMA application_id = ${0x526f7374};`,
    ];
    execFileSync('sqlite3', [roster.store.slice('sqlite:'.length)], { input: script.join('\n') });
    return roster;
}

const run = (roster, ...args) => roster.run([args[0], '--store', roster.store, ...args.slice(1)]);

describe('migrate makes the tables of an empty database', () => {
    it('says so, and the next time that there is nothing to do', async () => {
        const roster = new Roster();
        const { code, stdout, stderr } = await run(roster, 'migrate');
        assert.deepEqual([code, stderr], [0, '']);
        assert.match(stdout, new RegExp(`^(\\d{4}-[a-z-]+\\n)+tables made, schema ${NEWEST}\\n$`));
        assert.deepEqual(await run(roster, 'migrate'), { code: 0, stdout: `schema ${NEWEST} already\n`, stderr: '' });
        await roster.import([organization(1, 'Acme')]);
        await roster.check();
    });
    it('even if the setting says that nobody else may', async () => {
        const roster = new Roster();
        const { code } = await roster.run(['migrate', '--store', roster.store], { env: { ROSTER_MIGRATE: 'false' } });
        assert.equal(code, 0);
    });
    it('with --check it only says so, with 1', async () => {
        const roster = new Roster();
        assert.equal((await run(roster, 'migrate', '--check')).code, 1);
        const env = { ROSTER_MIGRATE: 'false' };
        assert.equal((await roster.run(['check', '--store', roster.store], { env })).code, 1); // there is still nothing
        await run(roster, 'migrate');
        assert.deepEqual(await run(roster, 'migrate', '--check'), { code: 0, stdout: `schema ${NEWEST} already\n`, stderr: '' });
    });
    it('several at once do not collide', async () => {
        const roster = new Roster();
        const all = await Promise.all(Array.from({ length: 6 }, () => run(roster, 'migrate')));
        for (const { code, stderr } of all) assert.deepEqual([code, stderr], [0, '']);
        const made = all.filter(({ stdout }) => stdout.includes('tables made'));
        assert.equal(made.length, 1);
        await roster.check();
    });
});

describe('an older database', () => {
    for (let schema = 1; schema < NEWEST; schema++)
        it(`of schema ${schema} is brought up to date, a line for each migration`, async () => {
            const roster = olderRoster(schema);
            const names = files.slice(schema).map((file) => `${nameOf(file)}\n`);
            assert.deepEqual(await run(roster, 'migrate', '--check'), {
                code: 1,
                stdout: `schema ${schema}, to be migrated to ${NEWEST}\n`,
                stderr: '',
            });
            assert.deepEqual(await run(roster, 'migrate'), {
                code: 0,
                stdout: `${names.join('')}migrated from schema ${schema} to ${NEWEST}\n`,
                stderr: '',
            });
            await roster.check();
        });
    it('is refused by who may not migrate, with what to do', async () => {
        const roster = olderRoster(1);
        const { code, stderr } = await run(roster, 'serve', '--listen', '127.0.0.1:0', '--migrate=false');
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`has schema 1 and must be migrated to ${NEWEST} first: run roster migrate\\n$`));
        assert.equal((await run(roster, 'migrate', '--check')).code, 1);
    });
    for (const setting of [[], ['--migrate'], ['--migrate=auto'], ['--migrate=true']])
        it(`is migrated by serve ${setting.join(' ')}`, async () => {
            const roster = olderRoster(1);
            await roster.serve(setting);
            await roster.stop();
            assert.match(roster.log, new RegExp(`the database was migrated from schema 1 to ${NEWEST}\\n`));
            assert.equal((await run(roster, 'migrate', '--check')).code, 0);
        });
});

describe('an older database, and commands that only look', () => {
    for (const args of [['check'], ['export'], ['token', 'list'], ['token', 'create', '--organization', '1'], ['token', 'revoke', '1']])
        it(`${args.slice(0, 2).join(' ')} refuses it and leaves it as it is`, async () => {
            const roster = olderRoster(3);
            const env = { ROSTER_MIGRATE: 'true' };
            const { code, stdout, stderr } = await roster.run([...args, '--store', roster.store], { env });
            const words = `the database has schema 3 and must be migrated to ${NEWEST} first: run roster migrate`;
            assert.deepEqual([code, stdout, stderr], [1, '', `roster: ${words}\n`]);
            assert.equal(roster.query('SELECT schema_version FROM installation'), '3\n');
        });
    it('backup copies it as it is, so that there is one before it is migrated', async () => {
        const roster = olderRoster(3);
        const backup = roster.file('backup.db');
        assert.deepEqual(await run(roster, 'backup', backup), { code: 0, stdout: '', stderr: '' });
        for (const store of [roster.store, `sqlite:${backup}`]) {
            const { stdout } = await roster.run(['migrate', '--check', '--store', store]);
            assert.equal(stdout, `schema 3, to be migrated to ${NEWEST}\n`);
        }
    });
    it('import fills it, so it migrates it, and says so; a dry run does not', async () => {
        const roster = olderRoster(3);
        const file = roster.file('none.ndjson', '');
        const tried = await run(roster, 'import', '--dry-run', file);
        assert.equal(tried.code, 1);
        assert.match(tried.stderr, /has schema 3 and must be migrated/);
        const { code, stderr } = await run(roster, 'import', file);
        assert.equal(code, 0);
        assert.match(stderr, new RegExp(`the database was migrated from schema 3 to ${NEWEST}\n$`));
    });
});

describe('a database of PostgreSQL, which other nodes may have', { skip: ENGINE !== 'postgres' && 'tested with PostgreSQL' }, () => {
    const env = { ROSTER_MIGRATE: 'auto' };
    it('gets its tables by migrate alone, unless it is said otherwise', async () => {
        const roster = new Roster({ engine: 'postgres' });
        const serve = ['serve', '--store', roster.store, '--listen', '127.0.0.1:0'];
        const { code, stderr } = await roster.run(serve, { env });
        assert.deepEqual([code, stderr], [1, 'roster: the database has no tables yet: run roster migrate\n']);
        assert.deepEqual(roster.tables(), []);
        assert.equal((await roster.run(['migrate', '--store', roster.store], { env })).code, 0);
        await roster.serve([], { env });
        await roster.stop();
    });
    it('of an older schema is not backed up by copying: it is said what makes a backup before it is migrated', async () => {
        const roster = new Roster({ engine: 'postgres' });
        await run(roster, 'migrate');
        roster.query(`UPDATE installation SET schema_version = ${NEWEST - 1}`);
        const backup = roster.file('backup.db');
        const { code, stdout, stderr } = await run(roster, 'backup', backup);
        const words = `the database has schema ${NEWEST - 1}, and of PostgreSQL roster backup copies only ${NEWEST}`;
        assert.deepEqual([code, stdout], [1, '']);
        assert.equal(stderr, `roster: ${words}: back it up with pg_dump, then run roster migrate\n`);
        assert.equal(fs.existsSync(backup), false);
        assert.equal(roster.query('SELECT schema_version FROM installation'), `${NEWEST - 1}\n`);
    });
    it('serve --migrate makes them', async () => {
        const roster = new Roster({ engine: 'postgres' });
        await roster.serve(['--migrate'], { env });
        await roster.stop();
    });
});

describe('a database that is not there', () => {
    it('is a file that is not made by looking', async () => {
        const roster = new Roster({ engine: 'sqlite' });
        const { code, stderr } = await run(roster, 'migrate', '--check');
        assert.equal(code, 1);
        assert.match(stderr, /there is no database at/);
        assert.deepEqual(fs.readdirSync(roster.directory), []);
    });
    it('is a wrong word in the setting', async () => {
        const { code, stderr } = await new Roster().run(['serve', '--migrate=perhaps']);
        assert.equal(code, 2);
        assert.match(stderr, /--migrate: "perhaps" is neither auto nor true nor false/);
    });
});
