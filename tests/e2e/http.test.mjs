// HTTP itself, byte by byte: what could be read in two ways is refused and the connection closed; what drips in is cut;
// what floods is limited. All the while another client, which was there before, is answered as if nothing happened.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { assertJson, GROUPS, ids, shownGroup } from './support/bold.mjs';
import { exchange, parseAnswers } from './support/client.mjs';
import { group, smallWorld, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';
import { eventually, sleep } from './support/wait.mjs';

const AUTHORIZATION = `Authorization: Bearer ${TOKEN.service}`;
const GET_ONE = `GET ${GROUPS}/1 HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\n`;
const BODY = '{"name":"Smuggled"}';

/* A request that would create a group if it were understood: `lines` are the headers in question. */
const create = (lines, body = BODY) =>
    `POST ${GROUPS} HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;

const LENGTH = `Content-Length: ${BODY.length}`;
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

let roster, bystander, exported;

before(async () => {
    roster = await serveObjects(smallWorld(), ['--head-timeout-s', '1', '--body-timeout-s', '1', '--connection-limit', '40']);
    exported = await roster.export();
});
after(() => roster.stop());

/* The other client: one connection, kept alive through each test. */
beforeEach(async () => {
    bystander = roster.as(TOKEN.service);
    await assertBystander();
});
afterEach(async () => {
    await assertBystander();
    bystander.close();
});
const assertBystander = async () => assertJson(await bystander.get(`${GROUPS}/1`), shownGroup(group(1, 1, 'Red')));

/* Every byte is answered by one 4xx (or by nothing), and the connection is closed. */
async function assertCut(bytes) {
    const before = await roster.export();
    const { text, closed } = await exchange(roster, bytes, { limitMs: 8000 });
    assert.ok(closed, `the connection was not closed; it answered ${JSON.stringify(text.slice(0, 300))}`);
    if (text) {
        const answers = parseAnswers(text);
        assert.equal(answers.length, 1, 'what follows a refused request must not be answered');
        assert.ok([400, 408, 413, 414, 431, 501, 505].includes(answers[0].status), text);
    }
    await roster.assertExportIs(before);
}

describe('requests that can be read in two ways are refused, and what follows is not read', () => {
    const SECOND = `${GET_ONE}\r\n`;
    const CASES = {
        'Content-Length twice, the same': create([LENGTH, LENGTH]),
        'Content-Length twice, different': create([LENGTH, 'Content-Length: 5']),
        'Content-Length as a list': create([`Content-Length: ${BODY.length}, ${BODY.length}`]),
        'Content-Length with a sign': create([`Content-Length: +${BODY.length}`]),
        'Content-Length negative': create(['Content-Length: -1']),
        'Content-Length in hexadecimal': create(['Content-Length: 0x13']),
        'Content-Length empty': create(['Content-Length:']),
        'Content-Length with a blank inside': create(['Content-Length: 1 9']),
        'Content-Length beyond 64 bits': create(['Content-Length: 99999999999999999999999']),
        'Content-Length with Transfer-Encoding': create([LENGTH, 'Transfer-Encoding: chunked'], CHUNKS),
        'Transfer-Encoding with Content-Length': create(['Transfer-Encoding: chunked', LENGTH], CHUNKS),
        'Transfer-Encoding twice': create(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], CHUNKS),
        'Transfer-Encoding: identity': create(['Transfer-Encoding: identity'], CHUNKS),
        'Transfer-Encoding: gzip, chunked': create(['Transfer-Encoding: gzip, chunked'], CHUNKS),
        'Transfer-Encoding: chunked, identity': create(['Transfer-Encoding: chunked, identity'], CHUNKS),
        'Transfer-Encoding with a strange character': create(['Transfer-Encoding: \x0bchunked'], CHUNKS),
        'a blank before the colon': create([`Content-Length : ${BODY.length}`]),
        'a blank before the name': create([` ${LENGTH}`]),
        'a folded line': create(['X-Folded: a\r\n b', LENGTH]),
        'a line without a colon': create(['nonsense', LENGTH]),
        'an empty name': create([': x', LENGTH]),
        'a NUL in a value': create(['X-Nul: a\0b', LENGTH]),
        'a NUL in a name': create(['X-N\0ul: ab', LENGTH]),
        'a bare carriage return in a value': create(['X-Return: a\rb', LENGTH]),
        'Host missing': `GET ${GROUPS} HTTP/1.1\r\n${AUTHORIZATION}\r\n\r\n`,
        'Host twice': `GET ${GROUPS} HTTP/1.1\r\nHost: x\r\nHost: y\r\n${AUTHORIZATION}\r\n\r\n`,
        'Authorization twice': `${GET_ONE}${AUTHORIZATION}\r\n\r\n`,
        'a chunk size that is no number': create(['Transfer-Encoding: chunked'], `xyz\r\n${BODY}\r\n0\r\n\r\n`),
        'a chunk size that is negative': create(['Transfer-Encoding: chunked'], `-13\r\n${BODY}\r\n0\r\n\r\n`),
        'a chunk size beyond 64 bits': create(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n`),
        'a chunk that is longer than it says': create(['Transfer-Encoding: chunked'], `2\r\n${BODY}\r\n0\r\n\r\n`),
    };
    // The HTTP library answers a Content-Length that is no number by itself, and prints the head of that answer twice (0.9.75): it is
    // refused and the connection closed, as the next tests say, but the answer is not a valid one. docs/operations.md says so too.
    const MALFORMED = /^Content-Length (as a list|with a sign|negative|in hex|empty|with a blank|beyond)/;
    for (const [what, bytes] of Object.entries(CASES)) {
        it(what, { todo: MALFORMED.test(what) && "the HTTP library's own answer" }, () => assertCut(bytes + SECOND));
    }
    for (const [what, bytes] of Object.entries(CASES).filter(([name]) => MALFORMED.test(name))) {
        it(`${what}: is a 4xx, ends the connection and changes nothing`, async () => {
            const before = await roster.export();
            const { text, closed } = await exchange(roster, bytes + SECOND, { limitMs: 8000 });
            assert.ok(closed);
            assert.match(text, /^HTTP\/1\.1 4\d\d /);
            assert.doesNotMatch(text, /HTTP\/1\.1 2\d\d /);
            await roster.assertExportIs(before);
        });
    }
});

describe('bytes that are no HTTP', () => {
    const CASES = {
        'nonsense': 'hello\r\n\r\n',
        'a TLS greeting': Buffer.from('16030100c8010000c40303', 'hex'),
        'random bytes': Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919 + 13) % 256)),
        'no version': `GET ${GROUPS}\r\nHost: x\r\n\r\n`,
        'another protocol': `GET ${GROUPS} SMTP/1.1\r\nHost: x\r\n\r\n`,
        'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        'a blank in the target': `GET ${GROUPS} x HTTP/1.1\r\nHost: x\r\n\r\n`,
        'a control character in the target': `GET ${GROUPS}?search=\x01 HTTP/1.1\r\nHost: x\r\n\r\n`,
        'only line breaks for ever': '\r\n'.repeat(50_000),
        'a method of 100 kB': `${'G'.repeat(100_000)} / HTTP/1.1\r\nHost: x\r\n\r\n`,
        'a header of 100 kB': `GET ${GROUPS} HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`,
        'a name of a header of 100 kB': `GET ${GROUPS} HTTP/1.1\r\nHost: x\r\n${'x'.repeat(100_000)}: 1\r\n\r\n`,
        '10,000 headers': `GET ${GROUPS} HTTP/1.1\r\nHost: x\r\n${'X-Many: 1\r\n'.repeat(10_000)}\r\n`,
    };
    for (const [what, bytes] of Object.entries(CASES)) it(what, () => assertCut(bytes));
});

describe('what is unusual and right', () => {
    async function assertGroups(bytes, count = 1) {
        const { text } = await exchange(roster, bytes);
        const answers = parseAnswers(text);
        assert.deepEqual(
            answers.map(({ status }) => status),
            Array(count).fill(200),
            text,
        );
        return answers;
    }
    it('a request in single bytes, quickly', async () => {
        const bytes = `${GET_ONE}Connection: close\r\n\r\n`;
        const socket = roster.connect();
        let text = '';
        socket.setEncoding('latin1').on('data', (chunk) => (text += chunk));
        const closed = new Promise((resolve) => socket.on('close', resolve));
        socket.setNoDelay(true);
        for (const byte of bytes) socket.write(byte);
        await closed;
        assert.equal(parseAnswers(text)[0].status, 200);
    });
    it('requests sent together are answered in order', async () => {
        const get = (id, more = '') => `GET ${GROUPS}/${id} HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\n${more}\r\n`;
        const answers = await assertGroups(get(1) + get(2) + get(3) + get(2, 'Connection: close\r\n'), 4);
        assert.deepEqual(
            answers.map(({ body }) => JSON.parse(body).id),
            [1, 2, 3, 2],
        );
    });
    it('writes and reads sent together are answered in order', async () => {
        const put = (text) =>
            `PUT ${GROUPS}/1 HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
        const answers = await assertGroups(`${put('{}')}${GET_ONE}\r\n${put('{}')}${GET_ONE}Connection: close\r\n\r\n`, 4);
        assert.deepEqual(
            answers.map(({ body }) => (body === '1' ? 'put' : JSON.parse(body).name)),
            ['put', 'Red', 'put', 'Red'],
        );
    });
    it('HTTP/1.0 without Host, and the connection is closed', () =>
        assertGroups(`GET ${GROUPS} HTTP/1.0\r\n${AUTHORIZATION}\r\n\r\n`));
    it('Connection: close', () => assertGroups(`${GET_ONE}Connection: close\r\n\r\n`));
    it('names of headers in any letter case, values with blanks around', () =>
        assertGroups(
            `GET ${GROUPS} HTTP/1.1\r\nhOST:x\r\naUTHORIZATION:  \tBearer ${TOKEN.service} \t\r\nCONNECTION: close\r\n\r\n`,
        ));
    it('a body in chunks', () =>
        assertGroups(
            `PUT ${GROUPS}/1 HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;extension=x\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
        ));
    it('Expect: 100-continue', async () => {
        const head = `PUT ${GROUPS}/1 HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`;
        const socket = roster.connect();
        let text = '';
        const closed = new Promise((resolve) => socket.on('close', resolve));
        socket.setEncoding('latin1').on('data', (chunk) => {
            if (!text) socket.write('{}');
            text += chunk;
        });
        socket.write(head);
        await closed;
        assert.deepEqual(
            parseAnswers(text).map(({ status }) => status),
            [100, 200],
        );
    });
    it('a GET with a body: the body is read over', async () => {
        const bytes = `GET ${GROUPS}/2 HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\nContent-Length: 4\r\n\r\nGET ${GET_ONE}Connection: close\r\n\r\n`;
        const answers = await assertGroups(bytes, 2);
        assert.deepEqual(
            answers.map(({ body }) => JSON.parse(body).id),
            [2, 1],
        );
    });
    it('a client that stops sending after its request is answered', async () => {
        const { text } = await exchange(roster, `${GET_ONE}\r\n`, { end: true });
        assert.equal(parseAnswers(text)[0].status, 200);
    });
});

describe('slow clients are cut', () => {
    /* Sends a byte again and again; gives all that came back when the server closes. */
    function drip(first, byte) {
        return new Promise((resolve, reject) => {
            const socket = roster.connect();
            let text = '';
            const finish = (result) => {
                clearInterval(timer);
                clearTimeout(limit);
                socket.destroy();
                result();
            };
            const timer = setInterval(() => socket.write(byte), 100);
            const limit = setTimeout(() => finish(() => reject(new Error('a dripping client was never cut'))), 30_000);
            socket.write(first);
            socket.setEncoding('latin1').on('data', (chunk) => (text += chunk));
            socket.on('error', () => {});
            socket.on('close', () => finish(() => resolve(text)));
        });
    }
    const CASES = {
        'a head that drips in': [`GET ${GROUPS} HTTP/1.1\r\nHost: x\r\nX-Slow: `, 'x'],
        'a head of many small lines': [`GET ${GROUPS} HTTP/1.1\r\nHost: x\r\n`, 'X-Slow: 1\r\n'],
        'a request line that drips in': ['GE', 'T'],
        'a body that drips in': [create(['Content-Length: 100000'], ''), ' '],
        'a body that drips in in chunks': [create(['Transfer-Encoding: chunked'], ''), '1\r\n \r\n'],
    };
    it('whatever it is that is slow, and others are answered meanwhile', async () => {
        const dripping = Object.entries(CASES).map(async ([what, [first, byte]]) => {
            const text = await drip(first, byte);
            if (text) assert.ok([400, 408].includes(parseAnswers(text)[0].status), `${what}: ${text}`);
        });
        let done = false;
        const all = Promise.all(dripping).finally(() => (done = true));
        while (!done) {
            await assertBystander();
            await sleep(20);
        }
        await all;
        await roster.assertExportIs(exported);
    });
    it('a connection that never says anything', async () => {
        const { text, closed } = await exchange(roster, '', { limitMs: 30_000 });
        assert.ok(closed, 'a silent connection was kept');
        if (text) assert.equal(parseAnswers(text)[0].status, 408);
    });
    it('a client that goes away in the middle changes nothing', async () => {
        for (const bytes of [
            create([LENGTH], BODY.slice(0, -1)),
            create(['Transfer-Encoding: chunked'], CHUNKS.slice(0, -5)),
            'POST /v1/us',
        ]) {
            const socket = roster.connect();
            socket.on('error', () => {});
            await new Promise((resolve) => socket.write(bytes, resolve));
            socket.destroy();
        }
        await assertBystander();
        await roster.assertExportIs(exported);
    });
    it('a client that asks and does not read the answers does not hold others up', async () => {
        const socket = roster.connect();
        socket.on('error', () => {});
        socket.pause();
        socket.write(`GET ${GROUPS}?includeUsers=true HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\n\r\n`.repeat(5000));
        for (let i = 0; i < 50; i++) await assertBystander();
        socket.destroy();
    });
});

describe('more connections than the limit', () => {
    it('are refused or cut; who was there before is answered; when they are gone everybody is', async () => {
        const sockets = Array.from({ length: 120 }, () => {
            const socket = roster.connect().resume();
            socket.on('error', () => {});
            socket.on('close', () => (socket.gone = true));
            return socket;
        });
        for (let i = 0; i < 50; i++) await assertBystander();
        await eventually(() =>
            assert.ok(sockets.filter((socket) => socket.gone).length >= 80, 'more than 40 connections are open'),
        );
        for (const socket of sockets) socket.destroy();
        const newcomer = roster.as(TOKEN.service, { keepAlive: false });
        await eventually(async () => assert.deepEqual(ids(await newcomer.get(GROUPS)), [1, 2, 3]));
    });
    it('many short ones after each other are fine', async () => {
        const client = roster.as(TOKEN.service, { keepAlive: false });
        for (let i = 0; i < 200; i++) assert.equal((await client.get(`${GROUPS}/1`)).status, 200);
    });
});
