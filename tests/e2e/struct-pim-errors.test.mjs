// What Struct PIM's API refuses, and how: one row for each way to be wrong. Whatever is refused changes nothing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exchange, parseAnswers } from './support/client.mjs';
import { serveObjects } from './support/roster.mjs';
import {
    assertDone,
    assertErrors,
    assertNotFound,
    assertProblem,
    getGroup,
    groupPath,
    GROUPS,
    KEY,
    NIL,
    structWorld,
    uid,
} from './support/struct-pim.mjs';

let roster, client, exported;
before(async () => {
    roster = await serveObjects(structWorld());
    client = roster.as(KEY.service);
    exported = await roster.export();
});
after(async () => {
    await roster.stop();
    await roster.assertExportIs(exported);
});

/* Both operations that read a body, of which Uid and Name are good unless `body` says otherwise. */
async function sendBoth(body) {
    return [
        await client.post(GROUPS, { Uid: uid(99), Name: 'No', ...body }),
        await client.put(GROUPS, { Uid: uid(1), Name: 'No', ...body }),
    ];
}

describe('paths', () => {
    const NO_UUIDS = ['x', '1', uid(1).slice(1), `${uid(1)}0`, uid(1).replaceAll('-', ''), `{${uid(1)}}`, `%20${uid(1)}`, '%C3%A9'];
    for (const id of NO_UUIDS)
        it(`${id} is no UUID`, async () => {
            assertErrors(await client.get(`${GROUPS}/${id}`), 'uid', 'Uid must be a UUID');
            assertErrors(await client.delete(`${GROUPS}/${id}`), 'uid', 'Uid must be a UUID');
        });
    for (const id of [uid(4711), NIL, 'ffffffff-ffff-ffff-ffff-ffffffffffff'])
        it(`${id} is not there`, async () => {
            assertNotFound(await client.get(`${GROUPS}/${id}`));
            assertNotFound(await client.delete(`${GROUPS}/${id}`));
        });
    for (const path of [`${GROUPS}/`, `${groupPath(1)}/`, `${groupPath(1)}/users`, `${GROUPS}//x`])
        it(`${path} is no endpoint`, async () => assertProblem(await client.get(path), 404, 'endpoint'));
    it('a malformed escape', async () => assertErrors(await client.get(`${GROUPS}/%zz`), 'path', 'escape'));
    it('a malformed query', async () => {
        assertErrors(await client.get(`${GROUPS}?x=%zz`), 'x', 'query');
        assertErrors(await client.get(`${GROUPS}?x=%ff`), 'x', 'query');
    });

    const ALLOWED = { [GROUPS]: ['GET', 'POST', 'PUT'], [groupPath(1)]: ['GET', 'DELETE'] };
    for (const [path, allowed] of Object.entries(ALLOWED))
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => !allowed.includes(one)))
            it(`${method} ${path}`, async () => {
                const answer = await client.request(method, path, { json: { Name: 'No' } });
                assertProblem(answer, 405, 'knows only');
                assert.equal(answer.header('Allow'), [...allowed, 'OPTIONS'].join(', '));
            });
});

describe('bodies that are not JSON, or not the JSON that is asked for', () => {
    const MALFORMED = {
        'nothing': ['', 'empty'],
        'blanks': ['  ', 'empty'],
        'a text': ['Name=No', 'malformed'],
        'a list': ['[{"Name":"No"}]', 'not an array'],
        'a JSON patch': ['[{"op":"replace","path":"/Name","value":"No"}]', 'not an array'],
        'null': ['null', 'not null'],
        'a number': ['7', 'not a number'],
        'a string': ['"No"', 'not a string'],
        'half an object': ['{"Name":"No"', 'malformed'],
        'more behind it': ['{"Name":"No"} x', 'malformed'],
        'a member twice': ['{"Name":"No","Name":"No"}', 'malformed'],
        'an ignored member twice': ['{"Name":"No","x":1,"x":1}', 'malformed'],
        'a zero character': ['{"Name":"N\\u0000"}', 'malformed'],
        'half a character': ['{"Name":"\\ud83d"}', 'malformed'],
        'no UTF-8': [Buffer.from([...Buffer.from('{"Name":"'), 0xff, ...Buffer.from('"}')]), 'malformed'],
        'too deep': ['['.repeat(33) + ']'.repeat(33), 'deeper'],
    };
    for (const [what, [body, about]] of Object.entries(MALFORMED))
        it(what, async () => {
            assertErrors(await client.request('POST', GROUPS, { body }), '', about);
            assertErrors(await client.request('PUT', GROUPS, { body }), '', about);
        });
    it('no body at all', async () => {
        assertErrors(await client.request('POST', GROUPS), '', 'empty');
        assertErrors(await client.request('PUT', GROUPS), '', 'empty');
    });
});

describe('members', () => {
    const grants = (count, item) => Array.from({ length: count }, (_, i) => item(i));
    const UID = { SegmentUid: uid(1) },
        LETTERS = 'abcdefab-0000-4000-8000-000000000001';
    const BAD = {
        'Uid: a number': [{ Uid: 7 }, 'Uid', 'Uid must be a string, not a number'],
        'Uid: no UUID': [{ Uid: 'x' }, 'Uid', 'Uid must be a UUID'],
        'Uid: empty': [{ Uid: '' }, 'Uid', 'Uid must be a UUID'],
        'Uid: in braces': [{ Uid: `{${uid(1)}}` }, 'Uid', 'Uid must be a UUID'],
        'Name: none': [{ Name: undefined }, 'Name', 'Name is missing'],
        'Name: null': [{ Name: null }, 'Name', 'Name may not be null'],
        'Name: null in the last of two': [{ name: null }, 'Name', 'Name may not be null'],
        'Name: empty': [{ Name: '' }, 'Name', 'Name is empty'],
        'Name: blank': [{ Name: ' \u2003 ' }, 'Name', 'Name is empty'],
        'Name: a number': [{ Name: 7 }, 'Name', 'Name must be a string, not a number'],
        'Name: an object': [{ Name: {} }, 'Name', 'Name must be a string, not an object'],
        'Name: two lines': [{ Name: 'No\nNo' }, 'Name', 'control character'],
        'Name: 256 characters': [{ Name: 'é'.repeat(256) }, 'Name', 'Name is longer than 255 characters'],
        'Languages: an object': [{ Languages: {} }, 'Languages', 'Languages must be an array, not an object'],
        'Languages: numbers': [{ Languages: [1] }, 'Languages', 'must contain objects, not a number'],
        'Languages: null inside': [{ Languages: [null] }, 'Languages', 'must contain objects, not null'],
        'Languages: lists inside': [{ Languages: [[{ LanguageId: 1 }]] }, 'Languages', 'must contain objects, not an array'],
        'Languages: an empty object': [{ Languages: [{}] }, 'Languages', ' LanguageId '],
        'LanguageId: null': [{ Languages: [{ LanguageId: null }] }, 'Languages', ' LanguageId '],
        'LanguageId: 0': [{ Languages: [{ LanguageId: 0 }] }, 'Languages', 'from 1 to 2147483647'],
        'LanguageId: -1': [{ Languages: [{ LanguageId: -1 }] }, 'Languages', 'from 1 to 2147483647'],
        'LanguageId: 2147483648': [{ Languages: [{ LanguageId: 2147483648 }] }, 'Languages', 'from 1 to 2147483647'],
        'LanguageId: a fraction': [{ Languages: [{ LanguageId: 1.5 }] }, 'Languages', ' LanguageId '],
        'LanguageId: a string': [{ Languages: [{ LanguageId: '1' }] }, 'Languages', ' LanguageId '],
        'LanguageId: the second is bad': [{ Languages: [{ LanguageId: 1 }, { LanguageId: 0 }] }, 'Languages', ' LanguageId '],
        'ReadOnly: null': [{ Languages: [{ LanguageId: 1, ReadOnly: null }] }, 'Languages', ' ReadOnly.'],
        'ReadOnly: a number': [{ Languages: [{ LanguageId: 1, ReadOnly: 1 }] }, 'Languages', ' ReadOnly.'],
        'ReadOnly: a string': [{ Segments: [{ ...UID, ReadOnly: 'true' }] }, 'Segments', ' ReadOnly.'],
        'Segments: a string': [{ Segments: uid(1) }, 'Segments', 'Segments must be an array, not a string'],
        'SegmentUid: missing': [{ Segments: [{ ReadOnly: true }] }, 'Segments', ' SegmentUid.'],
        'SegmentUid: another subject': [{ Segments: [{ BusinessUnitUid: uid(1) }] }, 'Segments', ' SegmentUid.'],
        'SegmentUid: no UUID': [{ Segments: [{ SegmentUid: 'x' }] }, 'Segments', ' SegmentUid.'],
        'SegmentUid: zeroes': [{ Segments: [{ SegmentUid: NIL }] }, 'Segments', ' SegmentUid.'],
        'BusinessUnits: true': [{ BusinessUnits: true }, 'BusinessUnits', 'BusinessUnits must be an array, not true or false'],
        'BusinessUnitUid: a number': [{ BusinessUnits: [{ BusinessUnitUid: 1 }] }, 'BusinessUnits', ' BusinessUnitUid.'],
        'a language twice': [{ Languages: [1, 2, 1].map((LanguageId) => ({ LanguageId })) }, 'Languages', 'the same LanguageId twice'],
        'a language twice, once for reading': [
            { Languages: [true, false].map((ReadOnly) => ({ LanguageId: 1, ReadOnly })) },
            'Languages',
            'twice',
        ],
        'a segment twice, in another letter case': [
            { Segments: [LETTERS, LETTERS.toUpperCase()].map((SegmentUid) => ({ SegmentUid })) },
            'Segments',
            'the same SegmentUid twice',
        ],
        'a business unit twice': [{ BusinessUnits: grants(2, () => ({ BusinessUnitUid: uid(1) })) }, 'BusinessUnits', 'the same BusinessUnitUid twice'],
        '1,001 languages': [{ Languages: grants(1001, (i) => ({ LanguageId: i + 1 })) }, 'Languages', 'more than 1000'],
        '1,001 segments': [{ Segments: grants(1001, (i) => ({ SegmentUid: uid(i + 1) })) }, 'Segments', 'more than 1000'],
        '200,000 business units': [{ BusinessUnits: grants(200_000, () => 1) }, 'BusinessUnits', 'more than 1000'],
    };
    for (const [what, [body, member, about]] of Object.entries(BAD))
        it(what, async () => {
            for (const answer of await sendBoth(body)) assertErrors(answer, member, about);
        });
    it('a name that is taken, in any letter case', async () => {
        for (const Name of ['Green', 'GREEN', 'bLUE'])
            for (const answer of await sendBoth({ Name })) assertErrors(answer, 'Name', 'exists');
    });
    it('what is wrong is told before who is asked for is looked up', async () =>
        assertErrors(await client.put(GROUPS, { Uid: uid(4711), Name: '' }), 'Name'));
});

describe('the most there may be', () => {
    it('1,000 items in each list', async (t) => {
        const own = await serveObjects(structWorld());
        t.after(() => own.stop());
        const uids = (from, name) => Array.from({ length: 1000 }, (_, i) => ({ [name]: uid(from + i), ReadOnly: i % 2 === 0 }));
        const full = {
            Languages: Array.from({ length: 1000 }, (_, i) => ({ LanguageId: 2147483647 - i, ReadOnly: i % 3 === 0 })),
            Segments: uids(10_000, 'SegmentUid'),
            BusinessUnits: uids(10_000, 'BusinessUnitUid'), // the same as the segments: they are of another kind
        };
        const writer = own.as(KEY.service);
        assertDone(await writer.post(GROUPS, { Uid: uid(99), Name: 'Full', ...full }));
        assertDone(await writer.put(GROUPS, { Uid: uid(1), Name: 'Full, too', ...full }));
        for (const n of [99, 1]) {
            const { Languages, Segments, BusinessUnits } = await getGroup(writer, uid(n));
            assert.deepEqual({ Languages, Segments, BusinessUnits }, full);
        }
        await own.check();
    });
    it('a body of 1 MiB', async (t) => {
        const own = await serveObjects(structWorld());
        t.after(() => own.stop());
        const writer = own.as(KEY.service);
        const body = (size) => `${`{"Uid":"${uid(98)}","Name":"Large","x":"`.padEnd(size - 2, 'x')}"}`;
        assertProblem(await writer.request('POST', GROUPS, { body: body((1 << 20) + 1) }), 413, '1024 KiB');
        assertNotFound(await writer.get(groupPath(98)));
        assertDone(await writer.request('POST', GROUPS, { body: body(1 << 20) }));
        assertProblem(await writer.request('PUT', GROUPS, { body: body(2 << 20) }), 413, '1024 KiB');
    });
});

describe('content types', () => {
    const READ = [
        'application/json-patch+json',
        'application/json-patch+json; charset=utf-8',
        'application/json',
        'application/json; charset=UTF-8',
        'Application/JSON;charset="utf-8"',
        'text/json',
        'application/vnd.struct+json',
        'application/problem+json; charset=utf-8',
    ];
    for (const type of READ)
        it(`${type} is read`, async () => {
            const options = { json: { Name: '' }, headers: { 'Content-Type': type } };
            assertErrors(await client.request('POST', GROUPS, options), 'Name', 'empty');
            assertErrors(await client.request('PUT', GROUPS, options), 'Name', 'empty');
        });
    const OTHERS = [
        'text/plain',
        'application/xml',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'text/vnd.x+json',
        'json',
        '*/*',
        '',
        null,
    ];
    for (const type of OTHERS)
        it(`${type === null ? 'none' : `"${type}"`} is not`, async () => {
            const headers = { 'Content-Type': type };
            assertProblem(await client.post(GROUPS, { Name: 'No' }, { headers }), 415, 'application/json-patch+json');
            assertProblem(await client.put(GROUPS, { Uid: uid(1), Name: 'No' }, { headers }), 415, 'application/*+json');
        });
    it('Accept is not looked at', async () => {
        for (const Accept of ['*/*', 'text/xml', 'application/json; q=0']) {
            const answer = await client.get(GROUPS, { headers: { Accept } });
            assert.deepEqual([answer.status, answer.header('Content-Type')], [200, 'application/json; charset=utf-8']);
        }
    });
});

describe('what HTTP itself refuses is worded alike', () => {
    const send = async (lines) => {
        const { text } = await exchange(roster, `${lines.join('\r\n')}\r\n\r\n`);
        const [answer] = parseAnswers(text);
        const header = (name) => answer.headers.get(name.toLowerCase());
        return { status: answer.status, text: answer.body, json: JSON.parse(answer.body), header };
    };
    it('a head over the limit', async () =>
        assertProblem(await send([`GET ${GROUPS} HTTP/1.1`, 'Host: x', `X-Long: ${'x'.repeat(20_000)}`]), 431, 'head'));
    it('no Host', async () =>
        assertErrors(await send([`GET ${GROUPS} HTTP/1.1`, `Authorization: ${KEY.service.key}`]), '', 'Host'));
    it('a key twice', async () => {
        const keys = Array(2).fill(`Authorization: ${KEY.service.key}`);
        assertErrors(await send([`GET ${GROUPS} HTTP/1.1`, 'Host: x', ...keys]), '', 'Authorization');
    });
});

describe('too many requests', () => {
    it('are answered 429 with the seconds to wait, for each key by itself', async (t) => {
        const limited = await serveObjects(structWorld(), ['--rate-limit', '3', '--rate-period-s', '86400']);
        t.after(() => limited.stop());
        const first = limited.as(KEY.service);
        for (let i = 0; i < 3; i++) assert.equal((await first.get(GROUPS)).status, 200);
        for (const answer of [await first.get(GROUPS), await first.post(GROUPS, { Name: 'No' })]) {
            assertProblem(answer, 429, 'seconds');
            const seconds = Number(answer.header('Retry-After'));
            assert.ok(seconds >= 1 && seconds <= 86_400, `Retry-After is ${seconds}`);
        }
        assert.equal((await limited.as(KEY.ada).get(GROUPS)).status, 200);
    });
});
