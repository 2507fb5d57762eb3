// The commands around the server: help, exit codes, version, check, backup.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { bearer, group, organization, secret, smallWorld, TOKEN } from './support/objects.mjs';
import { BINARY, ROOT, Roster, serveObjects, sqliteOnly } from './support/roster.mjs';

const COMMANDS = ['serve', 'demo', 'import', 'export', 'token', 'check', 'backup', 'migrate', 'copy', 'routes', 'version'];

const BENCH = ['bench/run.mjs', 'bench/generate.mjs', 'bench/scaling.mjs'];

describe('help', () => {
    const roster = new Roster();
    it('roster --help lists every command and ends with 0', async () => {
        const { code, stdout, stderr } = await roster.run(['--help']);
        assert.deepEqual([code, stderr], [0, '']);
        for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ +${command}\\b.*\\w`, 'm'));
    });
    for (const command of COMMANDS)
        it(`roster ${command} --help`, async () => {
            const { code, stdout, stderr } = await roster.run([command, '--help']);
            assert.deepEqual([code, stderr], [0, '']);
            assert.match(stdout, new RegExp(`roster ${command}`));
        });
    it('serve --help tells every setting with its default', async () => {
        const { stdout } = await roster.run(['serve', '--help']);
        for (const flag of [
            '--store',
            '--listen',
            '--tls-cert',
            '--tls-key',
            '--log-format',
            '--connection-limit',
            '--head-timeout-s',
            '--memory-budget-mib',
        ])
            assert.match(stdout, new RegExp(`^ +${flag}\\b`, 'm'));
        assert.match(stdout, /--listen .*127\.0\.0\.1:8080/);
    });
    it('demo takes all of them but a store: it has its own', async () => {
        const flags = async (command) => (await roster.run([command, '--help'])).stdout.match(/^ +--[\w-]+/gm);
        assert.deepEqual(
            await flags('demo'),
            (await flags('serve')).filter((flag) => flag.trim() !== '--store'),
        );
    });
    it('token --help tells what is needed and what is meant without', async () => {
        const { stdout } = await roster.run(['token', '--help']);
        const words = stdout.replace(/\s+/g, ' ');
        assert.match(words, /--organization ID create: the organization the credential belongs to, needed; list: .* \(1 to \d+\)/);
        assert.match(words, /--user ID create: the user it acts for \(default: none; it is a service key, .*\) \(1 to \d+\)/);
    });
    for (const script of ['script/setup', 'script/test', 'script/bench', 'deploy/check', ...BENCH])
        it(`${script} --help prints what the file begins with`, () => {
            const words = script.endsWith('.mjs') ? [process.execPath, script] : [script];
            const { status, stdout, stderr } = spawnSync(words[0], [...words.slice(1), '--help'], { cwd: ROOT, encoding: 'utf8' });
            assert.deepEqual([status, stderr], [0, '']);
            assert.match(stdout, new RegExp(`^ +(node )?${script}\\b`, 'm'));
        });
    it('a benchmark with a wrong flag ends with 2 and prints the same', () => {
        for (const script of BENCH) {
            const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--colour'], { cwd: ROOT, encoding: 'utf8' });
            assert.deepEqual([status, stdout], [2, '']);
            assert.match(stderr, new RegExp(`'--colour'[^]*^ +node ${script}\\b`, 'm'));
        }
    });
    it('no colours when it is not a terminal', async () => {
        for (const args of [['--help'], ['serve', '--help'], ['nonsense']]) {
            const { stdout, stderr } = await roster.run(args);
            assert.doesNotMatch(stdout + stderr, /\x1b/);
        }
    });
    it('version', async () => {
        const { code, stdout } = await roster.run(['version']);
        assert.equal(code, 0);
        assert.match(stdout, /^roster \d+\.\d+\.\d+\n$/);
        assert.equal((await roster.run(['--version'])).stdout, stdout);
    });
});

describe('wrong usage ends with 2 and says why on standard error', () => {
    const roster = new Roster();
    const store = ['--store', roster.store];
    const CASES = {
        'no command': [],
        'an unknown command': ['fly'],
        'an unknown flag': ['export', ...store, '--colour'],
        'a flag of another command': ['export', ...store, '--dry-run'],
        'a flag without its value': ['export', '--store'],
        'an empty flag': ['export', ...store, '--=x'],
        'one dash': ['export', ...store, '-x'],
        'import without a file': ['import', ...store],
        'import of two files': ['import', ...store, 'a', 'b'],
        'backup without a file': ['backup', ...store],
        'a word too many': ['check', ...store, 'more'],
        'routes of a store': ['routes', ...store],
        'token without an action': ['token', ...store],
        'an unknown action': ['token', 'sell', ...store],
        'a number that is none': ['serve', ...store, '--threads', 'many'],
        'a number out of bounds': ['serve', ...store, '--body-limit-kib', '0'],
        'a word that is no choice': ['serve', ...store, '--log-format', 'xml'],
        'an engine that is not known': ['export', '--store', 'oracle:x'],
        'a store without an engine': ['export', '--store', 'roster.db'],
        'a store without a path': ['export', '--store', 'sqlite:'],
        'an address of a database that libpq does not read': ['export', '--store', 'postgres://roster:x@:y/z'],
        'a copy of what is no store': ['copy', '--from', 'roster.db', '--to', 'sqlite:other.db'],
        'an address that is none': ['serve', '--listen', 'foo'],
        'a port that is none': ['serve', '--listen', '127.0.0.1:99999'],
        'a socket without a path': ['serve', '--listen', 'unix:'],
        'a certificate without its key': ['serve', '--listen', '127.0.0.1:0', '--tls-cert', 'cert.pem'],
        'a certificate that is not there': ['serve', '--tls-cert', 'none.pem', '--tls-key', 'none.pem'],
        'a demo of a store': ['demo', ...store],
        'a demo with a certificate that is not there': ['demo', '--tls-cert', 'none.pem', '--tls-key', 'none.pem'],
    };
    for (const [what, args] of Object.entries(CASES))
        it(what, async () => {
            const { code, stdout, stderr } = await roster.run(args);
            assert.deepEqual([code, stdout], [2, '']);
            assert.match(stderr, /\w/);
            assert.deepEqual(fs.readdirSync(roster.directory), [], 'nothing was made before it was refused');
        });
});

describe('what cannot be done ends with 1 and says why on standard error', () => {
    const roster = new Roster();
    roster.file('not-a-database', 'This is text and no database. '.repeat(100));
    const CASES = {
        'import of a file that is not there': ['import', '--store', roster.store, roster.file('missing.ndjson')],
        'import of a directory': ['import', '--store', roster.store, roster.directory],
        'export of a database that is not there': ['export', '--store', `sqlite:${roster.file('missing.db')}`],
        'check of a database that is not there': ['check', '--store', `sqlite:${roster.file('missing.db')}`],
        'token list of a database that is not there': ['token', 'list', '--store', `sqlite:${roster.file('missing.db')}`],
        'a database in a directory that is not there': [
            'serve',
            '--store',
            `sqlite:${roster.file('no/such/roster.db')}`,
            '--listen',
            '127.0.0.1:0',
        ],
        'a file that is no database': ['export', '--store', `sqlite:${roster.file('not-a-database')}`],
        'an address that nobody has': ['serve', '--store', roster.store, '--listen', '300.1.1.1:80'],
        'an address of another machine': ['serve', '--store', roster.store, '--listen', '192.0.2.1:8080'],
    };
    for (const [what, args] of Object.entries(CASES))
        it(what, async () => {
            const { code, stdout, stderr } = await roster.run(args);
            assert.deepEqual([code, stdout], [1, '']);
            assert.match(stderr, /\w/);
            assert.equal(fs.existsSync(roster.file('missing.db')), false, 'a command that only reads makes no database');
        });
    it('a port in use', async () => {
        const first = await serveObjects(smallWorld());
        const { code, stderr } = await roster.run([
            'serve',
            '--store',
            roster.store,
            '--listen',
            `127.0.0.1:${first.endpoint.port}`,
        ]);
        assert.equal(code, 1);
        assert.match(stderr, /in use/);
        await first.stop();
    });
});

describe('routes', () => {
    const MEMBERS = ['api', 'method', 'pattern', 'rights', 'public', 'body', 'writes', 'costly', 'prefix', 'types'];
    const RIGHTS = ['read', 'write', 'list', 'get', 'create', 'update', 'delete'];
    const roster = new Roster();
    const list = async () => {
        const { code, stdout, stderr } = await roster.run(['routes', '--json']);
        assert.deepEqual([code, stderr], [0, '']);
        return stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    };

    it('--json: one object a line, with these members', async () => {
        const routes = await list();
        for (const route of routes) {
            assert.deepEqual(Object.keys(route), MEMBERS);
            assert.deepEqual(
                route.rights,
                RIGHTS.filter((right) => route.rights.includes(right)),
            );
            assert.equal(route.public, route.rights.length === 0);
            assert.ok(route.prefix === '/' || route.pattern === route.prefix || route.pattern.startsWith(`${route.prefix}/`));
        }
        assert.deepEqual(
            routes.find(({ api, method }) => api === 'bold' && method === 'PUT'),
            {
                api: 'bold',
                method: 'PUT',
                pattern: '/v1/user-groups/{id}',
                rights: ['write', 'update'],
                public: false,
                body: true,
                writes: true,
                costly: false,
                prefix: '/v1/user-groups',
                types: null,
            },
        );
        assert.equal(new Set(routes.map(({ method, pattern }) => `${method} ${pattern}`)).size, routes.length);
    });
    it('log-in and refresh, which anybody may ask for, are what is costly', async () => {
        assert.deepEqual(
            (await list()).filter(({ costly }) => costly).map(({ method, pattern }) => `${method} ${pattern}`),
            ['POST /auth/verify', 'POST /auth/login', 'POST /auth/jwt/login', 'POST /auth/jwt/refresh'],
        );
    });
    it('without it the same as a table: a line each, in the same order', async () => {
        const { stdout } = await roster.run(['routes']);
        const [titles, ...lines] = stdout.trimEnd().split('\n');
        assert.deepEqual(titles.split(/ +/), ['api', 'method', 'pattern', 'rights', 'flags']);
        const expected = (await list()).map((route) => [
            route.api,
            route.method,
            route.pattern,
            route.rights.join(',') || '-',
            ['public', 'body', 'writes', 'costly'].filter((flag) => route[flag]).join(',') || '-',
        ]);
        assert.deepEqual(
            lines.map((line) => line.split(/ +/)),
            expected,
        );
    });
    it('is what a server answers: OPTIONS names exactly these methods, and every other is refused', async () => {
        const server = await serveObjects(smallWorld());
        const client = server.as(null);
        const methods = new Map(),
            refusals = new Map();
        for (const { api, method, pattern } of await list()) {
            methods.set(pattern, [...(methods.get(pattern) ?? []), method]);
            refusals.set(pattern, api === 'passbolt' ? 404 : 405); // there a method that is not known is no endpoint at all
        }
        for (const [pattern, known] of methods) {
            const path = pattern.replaceAll(/\{[^}]*\}/g, '1');
            const answer = await client.request('OPTIONS', path);
            assert.equal(answer.status, 200, path);
            assert.deepEqual(answer.header('Allow').split(', '), [...known, 'OPTIONS'], path);
            for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((other) => !known.includes(other)))
                assert.equal((await client.request(method, path)).status, refusals.get(pattern), `${method} ${path}`);
        }
        await server.stop();
    });
});

describe('check', () => {
    it('finds nothing in a good database and counts what it looked at', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        const output = await roster.check();
        assert.match(output, /^2 organizations, 7 users, 5 groups, 6 memberships checked, 0 findings$/m);
    });
    it('finds nothing in an empty one', async () => {
        const roster = new Roster();
        await roster.import([]);
        assert.match(await roster.check(), /^0 organizations, 0 users, 0 groups, 0 memberships checked, 0 findings$/m);
    });
    it('counts one thing as one', async () => {
        const roster = new Roster();
        await roster.import([organization(1, 'Acme'), group(1, 1, 'Only')]);
        assert.match(await roster.check(), /^1 organization, 0 users, 1 group, 0 memberships checked, 0 findings$/m);
    });
    const DAMAGES = {
        'a gap in the log': 'delete from change where version = 1 and organization_id = 1',
        'a version that the log does not have': 'update organization set version = version + 1 where id = 1',
    };
    for (const [what, sql] of Object.entries(DAMAGES))
        it(`finds ${what} and ends with 1`, async () => {
            const roster = new Roster();
            await roster.import(smallWorld());
            roster.query(sql);
            const { code, stdout } = await roster.run(['check', '--store', roster.store]);
            assert.equal(code, 1);
            assert.match(stdout, /[1-9]\d* findings?$/m);
        });
    it('beside a running server', async () => {
        const roster = await serveObjects(smallWorld());
        await roster.as(TOKEN.service).post(GROUPS, { name: 'New' });
        await roster.check();
        await roster.stop();
    });
});

describe('backup', () => {
    it('is a whole database, taken while the server writes', async () => {
        const roster = await serveObjects(smallWorld());
        const client = roster.as(TOKEN.service);
        let writing = true,
            written = 0;
        const writer = (async () => {
            for (; writing; written++) assert.equal((await client.post(GROUPS, { name: `Written ${written}` })).status, 200);
        })();
        await roster.command('backup', roster.file('copy.db'));
        writing = false;
        await writer;
        await roster.stop();

        const copy = new Roster();
        copy.store = `sqlite:${roster.file('copy.db')}`;
        await copy.check();
        const copied = (await copy.export()).split('\n'),
            all = new Set((await roster.export()).split('\n'));
        assert.deepEqual(
            copied.filter((line) => !all.has(line)),
            [],
            'the copy has nothing the original has not',
        );
        await copy.serve();
        assert.equal((await copy.as(TOKEN.service).get(`${GROUPS}/1`)).status, 200);
        await copy.stop();
    });
    it('does not write over a file', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        roster.file('precious', 'do not lose me');
        const { code, stderr } = await roster.run(['backup', '--store', roster.store, roster.file('precious')]);
        assert.equal(code, 1);
        assert.equal(stderr, `roster: ${roster.file('precious')} exists\n`);
        assert.equal(fs.readFileSync(roster.file('precious'), 'utf8'), 'do not lose me');
    });
});

describe('demo', () => {
    it('serves, prints an address, a token for each API and curl lines that work as they are', async () => {
        const roster = new Roster();
        const child = spawn(BINARY, ['demo', '--listen', '127.0.0.1:0'], {
            cwd: roster.directory,
            env: { PATH: process.env.PATH },
        });
        let output = '';
        const ended = new Promise((resolve) => child.on('close', resolve));
        await new Promise((resolve, reject) => {
            child.stdout.setEncoding('utf8').on('data', (text) => /Stop: /.test((output += text)) && resolve());
            ended.then(() => reject(new Error(`demo ended: ${output}`)));
        });
        const [, url] = /listening on (http:\S+)/.exec(output);
        const [withTokens, logIn] = output.split(/^Passbolt's own clients /m);
        const apis = withTokens.split(/^  token  /m).slice(1); // each begins with its token
        assert.equal(apis.length, 4, output);
        const paste = (line) => execFileSync('sh', ['-c', `${line} --fail`], { encoding: 'utf8', env: { PATH: process.env.PATH } });
        const shown = [];
        for (const api of apis) {
            const [token, ...lines] = api.split('\n').filter((line, i) => i === 0 || line.startsWith('  curl '));
            assert.ok(lines.length >= 3, api);
            for (const line of lines) {
                assert.ok(line.includes(token) && line.includes(`'${url}/`), line);
                shown.push(paste(line));
                assert.ok(shown.at(-1) || line.includes(' -X PUT '), `${line} shows nothing`);
            }
        }
        assert.ok(shown.some((text) => text.includes('"Name":"Roof garden"'))); // what the PUT, whose answer is empty, did
        for (const text of ['The group has been added successfully.', '"username":"user1@example.org"', '"dry-run":'])
            assert.ok(shown.some((one) => one.includes(text)), `${text} is not shown`);

        // The log-in is one sequence, for a shell in the folder of the sources.
        const lines = logIn.split('\n').filter((line) => line.startsWith('  '));
        const cwd = new URL('../..', import.meta.url);
        const env = { PATH: process.env.PATH, TMPDIR: roster.directory };
        const sequence = ['set -e', ...lines].join('\n');
        const { status, stdout, stderr } = spawnSync('sh', ['-c', sequence], { cwd, env, encoding: 'utf8' });
        assert.equal(status, 0, stderr);
        assert.match(stdout, /"You are successfully logged in\."/, stderr);
        assert.match(stdout, /"my_group_user":\{/, stderr);
        assert.match(stderr, /Good signature from "Roster/);
        assert.deepEqual(fs.readdirSync(roster.directory), ['demo'], 'the keyring is left behind');
        child.kill('SIGTERM');
        assert.equal(await ended, 0);
    });
});

describe('a database', () => {
    it('is used by one file name only: two stores are two directories', async () => {
        const first = new Roster(),
            second = new Roster();
        await first.import(smallWorld());
        await second.import([organization(1, 'Other'), group(1, 1, 'Only'), bearer(1, secret(1))]);
        assert.notEqual(await first.export(), await second.export());
    });
    it('of a newer version is refused with a clear message', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        roster.query('update installation set schema_version = 9999');
        const { code, stderr } = await roster.run(['export', '--store', roster.store]);
        assert.equal(code, 1);
        assert.match(stderr, /newer/);
    });
    it('of another program is refused and left alone', async () => {
        const roster = new Roster();
        roster.query('create table addresses (name text)');
        const { code, stderr } = await roster.run(['serve', '--store', roster.store, '--listen', '127.0.0.1:0']);
        assert.equal(code, 1);
        assert.match(stderr, /another program/);
        assert.deepEqual(roster.tables(), ['addresses']);
    });
});
