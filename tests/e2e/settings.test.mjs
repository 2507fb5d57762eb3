// Settings come from flags, the environment and a file, in this order of strength; what is wrong stops the start and says
// where.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { makeCertificate } from './support/certificate.mjs';
import { smallWorld, TOKEN } from './support/objects.mjs';
import { Roster } from './support/roster.mjs';

async function newRoster(config) {
    const roster = new Roster();
    await roster.import(smallWorld());
    if (config !== undefined) roster.file('roster.conf', config);
    return roster;
}

/* Which of the two forms the log of a start has. */
const logForm = (roster) => (/^\{"time":/m.test(roster.log) ? 'json' : 'text');

describe('flag over environment over file', () => {
    const FILE = 'log_format = json\n',
        ENVIRONMENT = { ROSTER_LOG_FORMAT: 'text' };
    const CASES = [
        ['nothing: the default', undefined, {}, [], 'text'],
        ['the file', FILE, {}, [], 'json'],
        ['the environment is stronger than the file', FILE, ENVIRONMENT, [], 'text'],
        ['a flag is stronger than both', FILE, ENVIRONMENT, ['--log-format', 'json'], 'json'],
        ['--flag=value', FILE, {}, ['--log-format=text'], 'text'],
        ['the environment alone', undefined, { ROSTER_LOG_FORMAT: 'json' }, [], 'json'],
    ];
    for (const [what, file, env, flags, expected] of CASES)
        it(what, async () => {
            const roster = await newRoster(file);
            await roster.serve(flags, { env });
            await roster.as(TOKEN.service).get(GROUPS);
            await roster.stop();
            assert.equal(logForm(roster), expected);
        });
    it('everything from the file: store, address, with comments, quotes and blank lines', async () => {
        const roster = await newRoster();
        roster.file(
            'roster.conf',
            `# a comment\n\n  listen = "127.0.0.1:0"   # another\nstore = ${roster.store}\r\nlog_format=json\n`,
        );
        await roster.serve([], { listen: null });
        assert.equal((await roster.as(TOKEN.service).get(GROUPS)).status, 200);
        await roster.stop();
    });
    it('--config names the file; ROSTER_CONFIG too', async () => {
        const roster = await newRoster('log_format = text\n');
        roster.file('other.conf', 'log_format = json\n');
        for (const [flags, env] of [
            [['--config', roster.file('other.conf')], {}],
            [[], { ROSTER_CONFIG: roster.file('other.conf') }],
        ]) {
            await roster.serve(flags, { env });
            await roster.as(TOKEN.service).get(GROUPS);
            await roster.stop();
            assert.equal(logForm(roster), 'json');
        }
    });
    it('commands read them as well', async () => {
        const roster = await newRoster();
        roster.file('roster.conf', `store = ${roster.store}\n`);
        const { code, stdout } = await roster.run(['export']);
        assert.deepEqual([code, stdout], [0, await roster.export()]);
        const other = new Roster();
        assert.equal((await other.run(['export'], { env: { ROSTER_STORE: roster.store } })).stdout, stdout);
    });
});

describe('what is wrong stops the start, with file and line', () => {
    const FILES = {
        'an unknown setting': ['# one\ncolour = red\n', 2, /colour/],
        'a typing error': ['log_format = json\n\nlisten_adress = x\n', 3, /listen_adress/],
        'a number that is none': ['workers = many\n', 1, /workers/],
        'a number out of bounds': ['\nworkers = 0\n', 2, /workers/],
        'a number with a unit': ['body_limit_kib = 10k\n', 1, /body_limit_kib/],
        'a word that is no choice': ['log_format = xml\n', 1, /log_format/],
        'a store that is none': ['log_format = text\nstore = mine.db\n', 2, /store: that is not the address of a store/],
        'an address that is none': ['listen = foo\n', 1, /listen: that is not an address: it should be HOST:PORT/],
        'a flag that is neither': ['request_log = maybe\n', 1, /request_log/],
        'a line without =': ['log_format = text\njust words\n', 2, /=/],
        'a quote that does not end': ['listen = "127.0.0.1\n', 1, /quote/],
        'bad UTF-8': [Buffer.from([0x6c, 0x3d, 0xff, 0x0a]), 1, /UTF-8/],
    };
    for (const [what, [content, line, why]] of Object.entries(FILES))
        it(what, async () => {
            const roster = new Roster();
            roster.file('roster.conf', content);
            const { code, stdout, stderr } = await roster.run(['serve', '--store', roster.store, '--listen', '127.0.0.1:0']);
            assert.deepEqual([code, stdout], [2, '']);
            assert.match(stderr, new RegExp(`roster\\.conf:${line}\\b`));
            assert.match(stderr, why);
        });
    it('a file that is named and not there', async () => {
        const roster = new Roster();
        const { code, stderr } = await roster.run(['serve', '--store', roster.store, '--config', 'missing.conf']);
        assert.notEqual(code, 0);
        assert.match(stderr, /missing\.conf/);
    });

    const ENVIRONMENTS = {
        'an unknown variable': [{ ROSTER_COLOUR: 'red' }, /ROSTER_COLOUR/],
        'a store that is none': [{ ROSTER_STORE: 'mine.db' }, /ROSTER_STORE: that is not the address of a store/],
        'a value out of bounds': [{ ROSTER_WORKERS: '0' }, /ROSTER_WORKERS/],
        'a word that is no choice': [{ ROSTER_LOG_LEVEL: 'loud' }, /ROSTER_LOG_LEVEL/],
    };
    for (const [what, [env, why]] of Object.entries(ENVIRONMENTS))
        it(`environment: ${what}`, async () => {
            const roster = new Roster();
            const { code, stdout, stderr } = await roster.run(['serve', '--store', roster.store, '--listen', '127.0.0.1:0'], {
                env,
            });
            assert.deepEqual([code, stdout], [2, '']);
            assert.match(stderr, why);
        });
});

describe('what is wrong with a flag is said with its name', () => {
    const CERTIFICATE = ['--tls-cert', 'none.pem', '--tls-key', 'none.pem'];
    const FLAGS = {
        'a store of no engine': [['export', '--store', 'mysql://x/y'], /^roster: --store: that is not the address of a store; write /],
        'a store without a path': [['export', '--store', 'sqlite:'], /^roster: --store: the path is missing/],
        'the target of a copy': [['copy', '--from', 'sqlite:a', '--to', 'b'], /^roster: --to: that is not the address of a store/],
        'an address': [['serve', '--listen', 'foo'], /^roster: --listen: that is not an address: it should be HOST:PORT/],
        'a certificate without a key': [['serve', '--tls-cert', 'none.pem'], /^roster: tls_key is not set: /],
        'a certificate that is not there': [
            ['serve', ...CERTIFICATE],
            /^roster: tls_cert: cannot read none\.pem: No such file or directory$/m,
        ],
        'a certificate that is a directory': [
            ['serve', '--tls-cert', '.', '--tls-key', '.'],
            /^roster: tls_cert: cannot read \.: Is a directory$/m,
        ],
    };
    for (const [what, [args, why]] of Object.entries(FLAGS))
        it(what, async () => {
            const { code, stdout, stderr } = await new Roster().run(args);
            assert.deepEqual([code, stdout], [2, '']);
            assert.match(stderr, why);
        });
    it('a key that is not there', async () => {
        const roster = new Roster();
        const { cert } = makeCertificate(roster, 'roster');
        const { code, stderr } = await roster.run(['serve', '--tls-cert', cert, '--tls-key', 'none.pem']);
        assert.deepEqual([code, stderr], [2, 'roster: tls_key: cannot read none.pem: No such file or directory\n']);
    });
    it('an empty certificate and key are none', async () => {
        const roster = await newRoster('tls_cert = ""\ntls_key = ""\n');
        await roster.serve();
        assert.equal((await roster.as(TOKEN.service).get(GROUPS)).status, 200);
        await roster.stop();
    });
});

describe('auth.jwt: settings that belong together', () => {
    const ISSUER = 'auth.jwt.issuer = https://id.example\n',
        AUDIENCE = 'auth_jwt_audience = roster\n',
        ORGANIZATION = 'auth-jwt-organization = 1\n',
        KEYS = 'auth.jwt.keys = keys.json\n';
    const BAD = {
        'an issuer alone': [ISSUER, /auth\.jwt\.(audience|organization) is not set/],
        'no audience': [ISSUER + ORGANIZATION + KEYS, /auth\.jwt\.audience is not set/],
        'an audience that is empty': [`${ISSUER}${ORGANIZATION}auth.jwt.audience = ""\n`, /auth\.jwt\.audience is not set/],
        'no organization': [ISSUER + AUDIENCE + KEYS, /auth\.jwt\.organization is not set/],
        'an audience without an issuer': [AUDIENCE, /auth\.jwt\.issuer is not set/],
        'an organization without an issuer': [ORGANIZATION, /auth\.jwt\.issuer is not set/],
        'keys without an issuer': [KEYS, /auth\.jwt\.issuer is not set/],
        'an organization that is no number': [
            `${ISSUER}${AUDIENCE}auth.jwt.organization = Acme\n`,
            /roster\.conf:3: auth\.jwt\.organization/,
        ],
        'no keys and an issuer that is no URL': [
            `auth.jwt.issuer = me\n${AUDIENCE}${ORGANIZATION}`,
            /auth\.jwt\.keys is not set/,
        ],
    };
    for (const [what, [content, why]] of Object.entries(BAD))
        it(what, async () => {
            const roster = new Roster();
            roster.file('roster.conf', content);
            const { code, stdout, stderr } = await roster.run(['serve', '--store', roster.store, '--listen', '127.0.0.1:0']);
            assert.deepEqual([code, stdout], [2, '']);
            assert.match(stderr, why);
        });
    it('they are flags and variables too, with dashes and underscores', async () => {
        const roster = new Roster();
        const args = ['serve', '--store', roster.store, '--listen', '127.0.0.1:0'];
        const env = { ROSTER_AUTH_JWT_ISSUER: 'https://id.example' };
        const flagged = await roster.run([...args, '--auth-jwt-audience', 'roster', '--auth.jwt.organization=x'], { env });
        assert.match(flagged.stderr, /--auth\.jwt\.organization: "x" is not a whole number/);
        const { stderr } = await roster.run([...args, '--auth-jwt-audience', 'roster'], { env });
        assert.match(stderr, /auth\.jwt\.organization is not set/);
    });
});

describe('settings that are seen from outside', () => {
    it('body_limit_kib', async () => {
        const roster = await newRoster('body_limit_kib = 1\n');
        await roster.serve();
        const client = roster.as(TOKEN.service);
        const answer = (size) => client.put(`${GROUPS}/1`, undefined, { body: '{}'.padEnd(size, ' ') });
        assert.deepEqual([(await answer(1024)).status, (await answer(1025)).status], [200, 413]);
        await roster.stop();
    });
    it('rate_limit = on: 700 requests of one caller, then 429', async () => {
        const roster = await newRoster('rate_limit = on\nrate_period_s = 86400\n');
        await roster.serve();
        const client = roster.as(TOKEN.service);
        const day = () => Math.floor(Date.now() / 86400000);
        let began, statuses;
        do {
            began = day();
            statuses = [];
            for (let i = 0; i < 701; i++) statuses.push((await client.get(`${GROUPS}/1`)).status);
        } while (day() !== began); // a window ended in between
        assert.deepEqual([statuses.indexOf(429), statuses.lastIndexOf(200)], [700, 699]);
        await roster.stop();
    });
    it('request_log = false', async () => {
        const roster = await newRoster('request_log = false\n');
        await roster.serve();
        await roster.as(TOKEN.service).get(GROUPS);
        await roster.stop();
        assert.doesNotMatch(roster.log, /\/v1\/user-groups/);
    });
    it('migrate = false: a database that is not there is not made', async () => {
        const roster = new Roster();
        const { code, stderr } = await roster.run([
            'serve',
            '--store',
            roster.store,
            '--listen',
            '127.0.0.1:0',
            '--migrate=false',
        ]);
        assert.equal(code, 1);
        assert.match(stderr, /\w/);
    });
    it('a memory budget that holds almost nothing: organizations come and go, answers stay right', async () => {
        const roster = await newRoster();
        await roster.serve(['--memory-budget-mib', '1', '--fragment-budget-mib', '0']);
        for (let i = 0; i < 20; i++) {
            assert.equal((await roster.as(TOKEN.service).get(`${GROUPS}/1`)).json.name, 'Red');
            assert.equal((await roster.as(TOKEN.umbrella).get(`${GROUPS}/12`)).json.name, 'Black');
        }
        await roster.stop();
    });
});
