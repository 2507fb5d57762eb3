// What operators ask: is it alive, is it ready, how is it doing; and the log.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { apiKey, secret, smallWorld, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

describe('health and readiness', () => {
    let roster;
    before(async () => (roster = await serveObjects(smallWorld())));
    after(() => roster.stop());

    for (const path of ['/healthz', '/readyz'])
        it(`GET ${path} needs no credential`, async () => {
            const answer = await roster.as(null).get(path);
            assert.equal(answer.status, 200);
            assert.equal(typeof answer.json.status, 'string');
        });
    it('other methods are refused', async () => {
        const answer = await roster.as(null).request('POST', '/healthz', { body: '' });
        assert.equal(answer.status, 405);
        assert.match(answer.header('Allow'), /\bGET\b/);
    });
});

describe('metrics', () => {
    let roster;
    before(async () => (roster = await serveObjects(smallWorld())));
    after(() => roster.stop());

    const read = async () => (await roster.as(null).get('/metrics')).text;

    /* The sum of all series of a name that have these labels. */
    function value(text, name, labels = {}) {
        const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
        const wanted = Object.entries(labels).map(([label, content]) => `${label}="${content}"`);
        return lines
            .filter((line) => wanted.every((label) => line.includes(label)))
            .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    }

    it('are Prometheus text', async () => {
        const answer = await roster.as(null).get('/metrics');
        assert.equal(answer.status, 200);
        assert.match(answer.header('Content-Type'), /^text\/plain/);
        const LINE = /^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? (\d+(\.\d+)?(e[-+]?\d+)?|\+Inf))$/;
        for (const line of answer.text.trimEnd().split('\n')) assert.match(line, LINE);
    });
    it('each name has one HELP and one TYPE, before its values', async () => {
        const lines = (await read()).trimEnd().split('\n');
        const typed = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
        assert.equal(new Set(typed).size, typed.length);
        for (const line of lines.filter((line) => !line.startsWith('#'))) {
            const name = /^\w+/.exec(line)[0];
            assert.ok(typed.includes(name) || typed.includes(name.replace(/_(bucket|sum|count)$/, '')), `${name} has no TYPE`);
        }
    });
    it('count requests by API and route', async () => {
        const route = { api: 'bold', route: `${GROUPS}/{id}`, status: '200' };
        const before = value(await read(), 'roster_http_requests_total', route);
        for (let i = 0; i < 7; i++) await roster.as(TOKEN.service).get(`${GROUPS}/${(i % 3) + 1}`);
        await eventually(async () => assert.equal(value(await read(), 'roster_http_requests_total', route), before + 7));
        const text = await read();
        assert.equal(
            value(text, 'roster_http_request_seconds_bucket', { route: route.route, le: '+Inf' }),
            value(text, 'roster_http_request_seconds_count', { route: route.route }),
        );
    });
    it('latency buckets rise', async () => {
        const buckets = (await read())
            .split('\n')
            .filter((line) => line.startsWith('roster_http_request_seconds_bucket') && line.includes(`route="${GROUPS}/{id}"`));
        const counts = buckets.map((line) => Number(line.split(' ').at(-1)));
        assert.ok(counts.length >= 8);
        assert.deepEqual(
            counts,
            [...counts].sort((a, b) => a - b),
        );
    });
    it('count commits, organizations in memory, memory, and tell the version', async () => {
        const before = value(await read(), 'roster_commits_total');
        await roster.as(TOKEN.service).post(GROUPS, { name: 'Counted' });
        const text = await read();
        assert.equal(value(text, 'roster_commits_total'), before + 1);
        assert.ok(value(text, 'roster_resident_organizations') >= 1);
        assert.ok(value(text, 'process_resident_memory_bytes') > 1_000_000);
        assert.ok(value(text, 'roster_sync_seconds_count') >= 1);
        const { stdout } = await roster.run(['version']);
        assert.match(text, new RegExp(`^roster_build_info\\{version="${stdout.trim().split(' ')[1]}"\\} 1$`, 'm'));
    });
    it('have no ids, names or tokens in their labels', async () => {
        await roster.as(TOKEN.service).get(`${GROUPS}/4711?search=SearchedFor`);
        const text = await read();
        assert.doesNotMatch(text, /4711|SearchedFor|Acme/);
        assert.equal(text.includes(TOKEN.service), false);
    });
});

describe('the log', () => {
    const SECRETS = ['very-secret-secret', TOKEN.service, TOKEN.ada, secret(999)];

    /* Serves a few requests of all kinds and gives the lines of the log that are about them. */
    async function requestLines(format) {
        const roster = await serveObjects(
            [...smallWorld(), apiKey(1, 'the-key', 'very-secret-secret')],
            ['--log-format', format],
        );
        const service = roster.as(TOKEN.service);
        await service.get(`${GROUPS}?search=SearchedFor&size=2`);
        await service.get(`${GROUPS}/1`);
        await service.post(GROUPS, { name: 'NameInBody' });
        await service.get(`${GROUPS}/4711`);
        await roster.as(secret(999)).get(GROUPS);
        await roster.as({ keyId: 'the-key', secret: 'very-secret-secret' }).delete(`${GROUPS}/1/users/2`);
        await roster.as(null).get('/no/such/path');
        await service.post(GROUPS, undefined, { body: '{"name":' });
        await roster.stop();
        for (const hidden of [
            ...SECRETS,
            Buffer.from('the-key:very-secret-secret').toString('base64'),
            'NameInBody',
            'SearchedFor',
        ])
            assert.equal(roster.log.includes(hidden), false, `${hidden} is in the log`);
        return roster.log
            .split('\n')
            .filter((line) => (format === 'json' ? line.includes('"message":"request"') : / request /.test(line)));
    }

    const EXPECTED = [
        ['GET', GROUPS, 200],
        ['GET', `${GROUPS}/{id}`, 200],
        ['POST', GROUPS, 200],
        ['GET', `${GROUPS}/{id}`, 404],
        ['GET', GROUPS, 401],
        ['DELETE', `${GROUPS}/{id}/users/{userId}`, 200],
        ['GET', null, 404],
        ['POST', GROUPS, 400],
    ];
    const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();

    it('has one line for each request; JSON', async () => {
        const lines = (await requestLines('json')).map((line) => JSON.parse(line));
        assert.deepEqual(sorted(lines.map(({ method, route, status }) => [method, route, status])), sorted(EXPECTED));
        for (const line of lines) {
            assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
            assert.match(line.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
            assert.equal(line.client, '127.0.0.1');
            assert.ok(Number.isInteger(line.us) && line.us >= 0 && line.us < 60_000_000);
            assert.equal(line.error === null, line.status === 200);
            if (line.status === 200) assert.ok(Number.isInteger(line.credential));
            if (line.status === 401) assert.equal(line.credential, null);
        }
        assert.equal(new Set(lines.map(({ id }) => id)).size, lines.length);
    });
    it('has one line for each request; text', async () => {
        const lines = (await requestLines('text')).map((line) =>
            Object.fromEntries(
                line
                    .split(' ')
                    .filter((word) => word.includes('='))
                    .map((word) => word.split('=')),
            ),
        );
        assert.deepEqual(
            sorted(lines.map(({ method, route, status }) => [method, route === '-' ? null : route, Number(status)])),
            sorted(EXPECTED),
        );
        for (const line of lines)
            for (const name of ['id', 'client', 'api', 'us', 'credential', 'error']) assert.ok(line[name], `${name} is missing`);
    });
    it('is written while the server runs, not only at its end', async () => {
        const roster = await serveObjects(smallWorld());
        await roster.as(TOKEN.service).get(`${GROUPS}/1`);
        await eventually(() => assert.match(roster.log, /route=\/v1\/user-groups\/\{id\}/));
        await roster.stop();
    });
});
