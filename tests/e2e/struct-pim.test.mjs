// Struct PIM's user groups: the documented answers to the byte, every operation, what is listed and in which order. Who may do
// what is in struct-pim-rights.test.mjs, bad requests in struct-pim-errors.test.mjs.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fromLines, group, membership, organization, TOKEN, user } from './support/objects.mjs';
import { Roster, serveObjects } from './support/roster.mjs';
import {
    assertBytes,
    assertDone,
    assertErrors,
    assertJson,
    assertNotFound,
    getGroup,
    groupPath,
    GROUPS,
    KEY,
    names,
    NIL,
    rawKey,
    shownGroup,
    structWorld,
    uid,
} from './support/struct-pim.mjs';
import { eventually } from './support/wait.mjs';

/* A request as Struct's page has it. */
const PATCH_TYPE = { headers: { 'Content-Type': 'application/json-patch+json', 'Accept': '*/*' } };

describe("the examples of Struct's page", () => {
    const ID = '123e4567-e89b-12d3-a456-426614174000';
    const DATE = '2025-06-27T08:36:24.130Z';
    const BODY =
        `"Uid":"${ID}","Name":"text","Languages":[{"LanguageId":1,"ReadOnly":true}],` +
        `"Segments":[{"SegmentUid":"${ID}","ReadOnly":true}],"BusinessUnits":[{"BusinessUnitUid":"${ID}","ReadOnly":true}]}`;
    const SHOWN = `{"Created":"${DATE}","LastModified":"${DATE}","CreatedBy":"text","LastModifiedBy":"text",${BODY}`;
    const WORLD = [
        organization(1, 'Acme'),
        group(1, 1, 'text', {
            uuid: ID,
            languages: [{ languageId: 1, readOnly: true }],
            segments: [{ segmentUid: ID, readOnly: true }],
            businessUnits: [{ businessUnitUid: ID, readOnly: true }],
            dateCreated: DATE,
            dateModified: DATE,
            createdBy: 'text',
            modifiedBy: 'text',
        }),
        rawKey(1, 'YOUR_API_KEY', { name: 'text' }),
    ];
    let roster, client;
    before(async () => {
        roster = await serveObjects(WORLD);
        client = roster.as({ key: 'YOUR_API_KEY' });
    });
    after(() => roster.stop());

    it('GET /v1/usergroups; and a second time, now from memory', async () => {
        assertBytes(await client.get('/v1/usergroups'), `[${SHOWN}]`);
        assertBytes(await client.get('/v1/usergroups'), `[${SHOWN}]`);
    });
    it('GET /v1/usergroups/{uid}', async () => {
        assertBytes(await client.get(`/v1/usergroups/${ID}`), SHOWN);
        assertBytes(await client.get(`/v1/usergroups/${ID}`), SHOWN);
    });
    it('an answer has no header but those of HTTP, and which version it shows', async () => {
        const answer = await client.get('/v1/usergroups');
        assert.deepEqual(
            answer.headers.map(([name]) => name).filter((name) => !['Date', 'Connection', 'Keep-Alive'].includes(name)),
            ['Content-Type', 'Roster-Version', 'Content-Length'],
        );
    });
    it('PUT, POST and DELETE with the same body and its content type; the body of the answer is empty', async () => {
        const body = `{${BODY}`;
        assertDone(await client.request('PUT', '/v1/usergroups', { body, ...PATCH_TYPE }));
        assertBytes(await client.get(`/v1/usergroups/${ID}`), SHOWN);
        assertDone(await client.delete(`/v1/usergroups/${ID}`));
        assertNotFound(await client.get(`/v1/usergroups/${ID}`));
        const other = body.replace(ID, uid(7));
        assertDone(await client.request('POST', '/v1/usergroups', { body: other, ...PATCH_TYPE }));
        const { Created, LastModified, CreatedBy, LastModifiedBy, ...more } = await getGroup(client, uid(7));
        assert.equal(JSON.stringify(more), other);
        assert.equal(LastModified, Created);
        assert.deepEqual([CreatedBy, LastModifiedBy], ['text', 'text']);
    });
});

describe('what a user group looks like', () => {
    const NAME = 'Redaktion "Süd" \\ 東京 🗼 </script>';
    const GROUPS_OF_FILE = [
        group(1, 10, 'plain', { uuid: uid(10) }),
        group(1, 20, NAME, {
            uuid: uid(20).toUpperCase(),
            dateCreated: '1999-12-31T23:59:59.9999Z', // digits behind the milliseconds are cut off
            languages: [{ languageId: 2147483647 }, { languageId: 1, readOnly: true }],
            segments: [3, 1, 2].map((n) => ({ segmentUid: uid(n), readOnly: n === 1 })), // in the order given
            businessUnits: [{ businessUnitUid: uid(9).toUpperCase(), readOnly: false }],
            description: 'of Bold',
            remarks: 'of Bold',
            externalId: 'E-7',
        }),
        group(1, 30, 'made by somebody', { uuid: uid(30), dateCreated: '2024-01-01T12:00:00+02:00', createdBy: 'Ärger & Söhne' }),
        group(1, 40, 'changed by somebody', {
            uuid: uid(40),
            dateModified: '2026-05-01T00:00:00.0005Z',
            createdBy: 'first',
            modifiedBy: 'second',
        }),
        group(1, 50, 'changed by nobody knows whom', { uuid: uid(50), dateModified: '2026-05-01T00:00:00Z', createdBy: 'first' }),
        group(1, 60, 'the hour of the change is not known', { uuid: uid(60), createdBy: 'first', modifiedBy: 'second' }),
    ];
    const SHOWN = GROUPS_OF_FILE.map(shownGroup);
    SHOWN[1].Uid = uid(20);
    SHOWN[1].BusinessUnits[0].BusinessUnitUid = uid(9);
    SHOWN[1].Created = SHOWN[1].LastModified = '1999-12-31T23:59:59.999Z';
    SHOWN[3].LastModified = '2026-05-01T00:00:00.000Z';

    let roster, client;
    before(async () => {
        roster = await serveObjects([organization(1, 'Acme'), ...GROUPS_OF_FILE, rawKey(1, 'k')]);
        client = roster.as({ key: 'k' });
    });
    after(() => roster.stop());

    for (const shown of SHOWN)
        it(shown.Name, async () => {
            assertJson(await client.get(`${GROUPS}/${shown.Uid}`), shown);
            assertJson(await client.get(`${GROUPS}/${shown.Uid.toUpperCase()}`), shown);
        });
    it('in a list they look the same', async () => assertJson(await client.get(GROUPS), SHOWN));
    it('one that was imported without a date has that of the import', async () => {
        const begun = Date.now();
        await roster.import([{ type: 'group', organizationId: 1, id: 70, uuid: uid(70), name: 'dateless' }]);
        await roster.restart();
        const { Created, LastModified } = await getGroup(client, uid(70));
        assert.equal(LastModified, Created);
        assert.ok(new Date(Created) >= new Date(begun - 1000) && new Date(Created) <= new Date(Date.now() + 1000), Created);
    });
});

/* A world for tests that change it. */
function world() {
    const its = {};
    before(async () => {
        its.roster = await serveObjects(structWorld());
        its.client = its.roster.as(KEY.service);
    });
    after(async () => {
        await its.roster.check();
        await its.roster.stop();
    });
    return its;
}

const LISTS = {
    Languages: [
        { LanguageId: 7, ReadOnly: true },
        { LanguageId: 3, ReadOnly: false },
    ],
    Segments: [{ SegmentUid: uid(901), ReadOnly: false }],
    BusinessUnits: [{ BusinessUnitUid: uid(902), ReadOnly: true }],
};
const NO_LISTS = { Languages: [], Segments: [], BusinessUnits: [] };

/* Without the audit fields. */
const model = ({ Uid, Name, Languages, Segments, BusinessUnits }) => ({ Uid, Name, Languages, Segments, BusinessUnits });

describe('create', () => {
    const its = world();
    const create = async (body) => assertDone(await its.client.post(GROUPS, body));

    it('with a Uid and everything', async () => {
        const begun = Date.now();
        await create({ Uid: uid(100), Name: 'Everything', ...LISTS });
        const made = await getGroup(its.client, uid(100));
        assert.deepEqual(model(made), { Uid: uid(100), Name: 'Everything', ...LISTS });
        assert.deepEqual([made.CreatedBy, made.LastModifiedBy], ['sync job', 'sync job']);
        assert.equal(made.LastModified, made.Created);
        assert.ok(Math.abs(new Date(made.Created) - begun) < 60_000, made.Created);
    });
    it('with a name only: the server makes a Uid, and there are no lists', async () => {
        await create({ Name: 'Only a name' });
        const made = (await its.client.get(GROUPS)).json.find(({ Name }) => Name === 'Only a name');
        assert.match(made.Uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.deepEqual(model(made), { Uid: made.Uid, Name: 'Only a name', ...NO_LISTS });
        assertJson(await its.client.get(`${GROUPS}/${made.Uid}`), made);
    });
    it('a Uid of null or of zeroes is as none', async () => {
        await create({ Uid: null, Name: 'Null' });
        await create({ Uid: NIL, Name: 'Zeroes' });
        const made = (await its.client.get(GROUPS)).json.filter(({ Name }) => ['Null', 'Zeroes'].includes(Name));
        assert.equal(new Set([...made.map(({ Uid }) => Uid), NIL]).size, 3);
    });
    it('a name may look like that Uid', async () => {
        await create({ Uid: uid(101), Name: NIL });
        assert.equal((await getGroup(its.client, uid(101))).Name, NIL);
    });
    it('lists of null are empty', async () => {
        await create({ Uid: uid(102), Name: 'Nulls', Languages: null, Segments: null, BusinessUnits: null });
        assert.deepEqual(model(await getGroup(its.client, uid(102))), { Uid: uid(102), Name: 'Nulls', ...NO_LISTS });
    });
    it('names of members in any letter case; ReadOnly is false unless it is said; unknown members are ignored', async () => {
        await create({
            uid: uid(103).toUpperCase(),
            NAME: 'Any case',
            description: 'not known here',
            languages: [{ languageid: 5, READONLY: true, x: {} }, { LANGUAGEID: 6 }],
            sEGMENTS: [{ segmentUid: uid(1).toUpperCase(), readOnly: false }],
            businessunits: [{ businessUNITuid: uid(2), readonly: true, ReadonlyX: 1 }],
            Created: 'yesterday',
            CreatedBy: 7,
        });
        assert.deepEqual(model(await getGroup(its.client, uid(103))), {
            Uid: uid(103),
            Name: 'Any case',
            Languages: [
                { LanguageId: 5, ReadOnly: true },
                { LanguageId: 6, ReadOnly: false },
            ],
            Segments: [{ SegmentUid: uid(1), ReadOnly: false }],
            BusinessUnits: [{ BusinessUnitUid: uid(2), ReadOnly: true }],
        });
    });
    it('of one member in two letter cases the last counts', async () => {
        await create({ Uid: uid(104), name: 'first', Name: 'second', Languages: [{ LanguageId: 1 }], languages: [] });
        const made = await getGroup(its.client, uid(104));
        assert.deepEqual([made.Name, made.Languages], ['second', []]);
    });
    it('a Uid that a group has or had, in any letter case, is refused', async () => {
        await create({ Uid: uid(105), Name: 'Taken' });
        assertErrors(await its.client.post(GROUPS, { Uid: uid(105), Name: 'Other' }), 'Uid', 'exists');
        assertErrors(await its.client.post(GROUPS, { Uid: uid(105).toUpperCase(), Name: 'Other' }), 'Uid', 'exists');
        assertDone(await its.client.delete(groupPath(105)));
        assertErrors(await its.client.post(GROUPS, { Uid: uid(105), Name: 'Taken' }), 'Uid', 'deleted');
        assertNotFound(await its.client.get(groupPath(105)));
    });
    it('a Uid of another organization tells nothing: it can be used', async () => {
        await create({ Uid: uid(12), Name: 'Black of Acme' });
        assert.equal((await getGroup(its.client, uid(12))).Name, 'Black of Acme');
        assert.equal((await getGroup(its.roster.as(KEY.umbrella), uid(12))).Name, 'Black');
    });
    it('a name that is taken, in any letter case, is refused; not one of another organization', async () => {
        assertErrors(await its.client.post(GROUPS, { Name: 'rED' }), 'Name', 'exists');
        await create({ Name: 'Black' });
    });
    it('texts come back as they were sent', async () => {
        const TEXTS = ['Grüße', 'e\u0301 \u00e9', '日本語', '🧑‍🧒', '" \\ / </b> \u2028', 'x'.repeat(255), '🗼'.repeat(255)];
        for (const [i, Name] of TEXTS.entries()) {
            await create({ Uid: uid(110 + i), Name });
            assert.equal((await getGroup(its.client, uid(110 + i))).Name, Name);
        }
    });
});

describe('who made and changed a group', () => {
    const its = world();
    const audit = async (n) => {
        const { CreatedBy, LastModifiedBy } = await getGroup(its.client, uid(n));
        return [CreatedBy, LastModifiedBy];
    };
    it('is the name of the key; without one that of its user; else null', async () => {
        const MAKERS = { 200: [KEY.service, 'sync job'], 201: [KEY.ada, 'Ada'], 202: [{ key: 'nameless' }, null] };
        await its.roster.import([rawKey(1, 'nameless')]);
        await its.roster.restart();
        for (const [n, [key, name]] of Object.entries(MAKERS)) {
            assertDone(await its.roster.as(key).post(GROUPS, { Uid: uid(n), Name: `Made ${n}` }));
            assert.deepEqual(await audit(n), [name, name]);
        }
        assertDone(await its.client.put(GROUPS, { Uid: uid(201), Name: 'Changed' }));
        assert.deepEqual(await audit(201), ['Ada', 'sync job']);
        assertDone(await its.roster.as({ key: 'nameless' }).put(GROUPS, { Uid: uid(201), Name: 'Changed again' }));
        assert.deepEqual(await audit(201), ['Ada', null]);
    });
});

describe('update', () => {
    const its = world();
    const put = async (body) => assertDone(await its.client.put(GROUPS, body));

    it('replaces the name and the three lists', async () => {
        assertDone(await its.client.post(GROUPS, { Uid: uid(300), Name: 'Before', ...LISTS }));
        const before = await getGroup(its.client, uid(300));
        const after = {
            Uid: uid(300),
            Name: 'After',
            Languages: [{ LanguageId: 3, ReadOnly: true }],
            Segments: [
                { SegmentUid: uid(903), ReadOnly: true },
                { SegmentUid: uid(901), ReadOnly: false },
            ],
            BusinessUnits: [],
        };
        await put(after);
        const changed = await getGroup(its.client, uid(300));
        assert.deepEqual(model(changed), after);
        assert.equal(changed.Created, before.Created);
        assert.ok(changed.LastModified >= before.LastModified);
    });
    it('empties lists that are missing or null', async () => {
        assertDone(await its.client.post(GROUPS, { Uid: uid(301), Name: 'Full', ...LISTS }));
        await put({ Uid: uid(301), Name: 'Full', Languages: LISTS.Languages, Segments: null });
        const expected = { Uid: uid(301), Name: 'Full', ...NO_LISTS, Languages: LISTS.Languages };
        assert.deepEqual(model(await getGroup(its.client, uid(301))), expected);
        await put({ Uid: uid(301), Name: 'Full' });
        assert.deepEqual(model(await getGroup(its.client, uid(301))), { ...expected, ...NO_LISTS });
    });
    it('that changes nothing changes no date', async () => {
        assertDone(await its.client.post(GROUPS, { Uid: uid(302), Name: 'Same', ...LISTS }));
        const before = await getGroup(its.client, uid(302));
        assertDone(await its.roster.as(KEY.ada).put(GROUPS, { Uid: uid(302), Name: 'Same', ...LISTS }));
        assert.deepEqual(await getGroup(its.client, uid(302)), before);
    });
    const CHANGES = [
        ['the name in another letter case', { Name: 'ORDER 0' }],
        ['the order of a list', { Languages: [...LISTS.Languages].reverse() }],
        ['ReadOnly', { Segments: [{ SegmentUid: uid(901), ReadOnly: true }] }],
    ];
    for (const [i, [what, change]] of CHANGES.entries()) {
        it(`${what} is a change`, async () => {
            const before = { Uid: uid(310 + i), Name: `Order ${i}`, ...LISTS };
            assertDone(await its.client.post(GROUPS, before));
            assertDone(await its.roster.as(KEY.ada).put(GROUPS, { ...before, ...change }));
            const changed = await getGroup(its.client, before.Uid);
            assert.deepEqual(model(changed), { ...before, ...change });
            assert.equal(changed.LastModifiedBy, 'Ada');
        });
    }
    it('keeps what Struct does not know: members, description, remarks, external id', async () => {
        const more = { description: 'd', remarks: 'r', externalId: 'E-1' };
        const manager = membership(1, 400, 3, { manager: true });
        await its.roster.import([group(1, 400, 'Of Bold', { uuid: uid(400), ...more }), manager]);
        await its.roster.restart();
        await put({ Uid: uid(400), Name: 'Of Struct', ...LISTS });
        const lines = fromLines(await its.roster.export());
        const { description, remarks, externalId, modifiedBy } = lines.find(({ type, id }) => type === 'group' && id === 400);
        assert.deepEqual({ description, remarks, externalId, modifiedBy }, { ...more, modifiedBy: 'sync job' });
        assert.ok(lines.some(({ type, groupId, manager }) => type === 'membership' && groupId === 400 && manager));
    });
    it('needs a Uid: none, null and zeroes are refused', async () => {
        for (const more of [{}, { Uid: null }, { uid: NIL }])
            assertErrors(await its.client.put(GROUPS, { Name: 'x', ...more }), 'Uid', 'Uid is missing');
    });
    it('of a group that is not there, was deleted or is of another organization: 404', async () => {
        assertDone(await its.client.post(GROUPS, { Uid: uid(304), Name: 'Deleted' }));
        assertDone(await its.client.delete(groupPath(304)));
        for (const n of [4711, 304, 11]) assertNotFound(await its.client.put(GROUPS, { Uid: uid(n), Name: 'x' }));
    });
    it('to a name that another group has: 400', async () => {
        assertErrors(await its.client.put(GROUPS, { Uid: uid(1), Name: 'GREEN' }), 'Name', 'exists');
        await put({ Uid: uid(1), Name: 'RED' });
        assert.equal((await getGroup(its.client, uid(1))).Name, 'RED');
    });
});

describe('delete', () => {
    const its = world();
    it('the group is gone for every operation', async () => {
        assertDone(await its.client.delete(groupPath(2)));
        assertNotFound(await its.client.get(groupPath(2)));
        assertNotFound(await its.client.delete(groupPath(2)));
        assertNotFound(await its.client.put(GROUPS, { Uid: uid(2), Name: 'Green' }));
        assert.deepEqual(names(await its.client.get(GROUPS)), ['Red', 'Blue']);
    });
    it('a body is ignored, of any type', async () => {
        const options = { body: '{', headers: { 'Content-Type': 'text/plain' } };
        assertDone(await its.client.request('DELETE', groupPath(3), options));
    });
    it('in any letter case of the Uid', async () =>
        assertDone(await its.client.delete(`${GROUPS}/${uid(1).toUpperCase()}`)));
    it('its name may be taken again', async () => {
        assertDone(await its.client.post(GROUPS, { Name: 'Red' }));
        assert.deepEqual(names(await its.client.get(GROUPS)), ['Red']);
    });
});

describe('the list', () => {
    it('is all groups in the order they were made, deleted ones left out', async (t) => {
        const count = 250;
        const groups = Array.from({ length: count }, (_, i) => group(1, i + 1, `group ${(i * 7) % count}`, { uuid: uid(i + 1) }));
        const empty = [organization(2, 'Empty'), rawKey(2, 'e')];
        const roster = await serveObjects([organization(1, 'Acme'), ...groups, rawKey(1, 'k'), ...empty]);
        t.after(() => roster.stop());
        const client = roster.as({ key: 'k' });
        assertJson(await client.get(GROUPS), groups.map(shownGroup));
        assertDone(await client.delete(groupPath(100)));
        assertJson(await client.get(`${GROUPS}?size=5&search=x`), groups.filter(({ id }) => id !== 100).map(shownGroup));
        assertJson(await roster.as({ key: 'e' }).get(GROUPS), []);
    });
    it('of very many groups comes too, while others are answered', async (t) => {
        const count = 6000;
        const groups = Array.from({ length: count }, (_, i) => group(1, i + 1, `group ${i}`, { uuid: uid(i + 1) }));
        const roster = await serveObjects([organization(1, 'Acme'), ...groups, rawKey(1, 'k')], ['--threads', '1']);
        t.after(() => roster.stop());
        const client = roster.as({ key: 'k' });
        const expected = JSON.stringify(groups.map(shownGroup));
        const lists = Array.from({ length: 4 }, () => client.get(GROUPS));
        assertJson(await client.get(groupPath(count)), shownGroup(groups.at(-1)));
        for (const answer of await Promise.all(lists)) assertBytes(answer, expected);
        assertBytes(await client.get(GROUPS), expected);
    });
});

describe('what was answered is kept', () => {
    it('over kill -9, and over an export and an import', async (t) => {
        const roster = await serveObjects(structWorld());
        t.after(() => roster.stop());
        const client = roster.as(KEY.service);
        assertDone(await client.post(GROUPS, { Uid: uid(500), Name: 'Kept', ...LISTS }));
        assertDone(await client.put(GROUPS, { Uid: uid(1), Name: 'Crimson', ...LISTS }));
        assertDone(await client.delete(groupPath(3)));
        const { text } = await client.get(GROUPS);
        assert.deepEqual(names({ json: JSON.parse(text) }), ['Crimson', 'Green', 'Kept']);
        await roster.kill();
        await roster.serve();
        assertBytes(await roster.as(KEY.service).get(GROUPS), text);
        await roster.check();

        const copy = new Roster();
        await copy.import(await roster.export());
        await copy.serve();
        t.after(() => copy.stop());
        assertBytes(await copy.as(KEY.service).get(GROUPS), text);
    });
    it('and another process on the same database follows it', async (t) => {
        const roster = await serveObjects(structWorld());
        t.after(() => roster.stop());
        const second = new Roster();
        second.store = roster.store;
        await second.serve();
        t.after(() => second.stop());
        const client = roster.as(KEY.service),
            beside = second.as(KEY.service);
        await beside.get(GROUPS); // in memory there
        const follows = async () => {
            const { text } = await client.get(GROUPS);
            await eventually(async () => assertBytes(await beside.get(GROUPS), text));
        };
        assertDone(await client.post(GROUPS, { Uid: uid(501), Name: 'New', ...LISTS }));
        await follows();
        assertDone(await client.put(GROUPS, { Uid: uid(501), Name: 'New', ...LISTS, Languages: [], Segments: null }));
        await follows();
        assertDone(await client.put(GROUPS, { Uid: uid(501), Name: 'Renamed', Languages: [{ LanguageId: 1, ReadOnly: true }] }));
        await follows();
        assertDone(await beside.put(GROUPS, { Uid: uid(501), Name: 'Renamed', Segments: LISTS.Segments }));
        assert.deepEqual((await getGroup(beside, uid(501))).Languages, []);
        await eventually(async () => assert.deepEqual((await getGroup(client, uid(501))).Segments, LISTS.Segments));
        assertDone(await client.delete(groupPath(501)));
        await follows();
    });
});

describe('a group that other APIs made', () => {
    it('has a Uid and no lists; who is in it does not change it', async (t) => {
        const roster = await serveObjects([...structWorld(), user(1, 77, { displayName: 'New' })]);
        t.after(() => roster.stop());
        const client = roster.as(KEY.service),
            bold = roster.as(TOKEN.service);
        const number = (await bold.post('/v1/user-groups', { name: 'Made in Bold' })).json;
        const shown = (await client.get(GROUPS)).json.at(-1);
        assert.deepEqual(model(shown), { Uid: shown.Uid, Name: 'Made in Bold', ...NO_LISTS });
        assert.equal(shown.CreatedBy, null);
        assert.equal((await bold.post(`/v1/user-groups/${number}/users/77`)).status, 200);
        assertJson(await client.get(`${GROUPS}/${shown.Uid}`), shown);
    });
});
