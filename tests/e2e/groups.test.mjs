// One group: get, create, update, delete; what is answered, what is then seen, and what survives a restart.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertBytes, assertError, assertJson, GROUPS, ids, members, shownGroup, shownUser } from './support/bold.mjs';
import { bearer, DATE, fromLines, group, organization, secret, smallWorld, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

const DATE_FORM = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z$/;

let roster, client;

/* A fresh name for each test. */
let counter = 0;
const freshName = () => `Fresh ${++counter}`;

async function create(values) {
    const answer = await client.post(GROUPS, values);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}
const get = async (id) => (await client.get(`${GROUPS}/${id}`)).json;

before(async () => {
    roster = await serveObjects([
        ...smallWorld(),
        organization(3, 'Free names', { uniqueGroupNames: false }),
        bearer(3, secret(31)),
    ]);
    client = roster.as(TOKEN.service);
});
after(() => roster.stop());

describe('get', () => {
    const user = (id, groupAdmin) => shownUser({ id, dateCreated: DATE }, groupAdmin);
    it('one group', async () => assertJson(await client.get(`${GROUPS}/1`), shownGroup(group(1, 1, 'Red'))));
    it('with users', async () =>
        assertJson(
            await client.get(`${GROUPS}/1?includeUsers=true`),
            shownGroup(group(1, 1, 'Red'), [user(2, true), user(3, false)]),
        ));
    it('includeUsers=false', async () =>
        assertJson(await client.get(`${GROUPS}/1?includeUsers=False`), shownGroup(group(1, 1, 'Red'))));
    it('includeUsers=maybe is refused', async () =>
        assertError(await client.get(`${GROUPS}/1?includeUsers=maybe`), 'InvalidInput'));
    it('an unknown one', async () => assertError(await client.get(`${GROUPS}/4711`), 'UserGroupNotFound'));
    for (const id of ['abc', '-1', '0', '1.5', '1e0', '99999999999999999999', '9007199254740992', '%20', '%31x', 'null', '1,2'])
        it(`an id that is none: ${id}`, async () => assertError(await client.get(`${GROUPS}/${id}`), 'UserGroupNotFound'));
});

describe('create', () => {
    it('answers the new id as a bare number', async () => {
        const answer = await client.post(GROUPS, { name: freshName(), description: 'New' });
        assert.match(answer.text, /^[1-9]\d*$/);
        assertBytes(answer, String(answer.json));
    });
    it('the group is there, with the date of now and no dateModified', async () => {
        const name = freshName(),
            earliest = Date.now() - 1;
        const id = await create({ name, description: 'New' });
        const shown = await get(id);
        assert.match(shown.dateCreated, DATE_FORM);
        assert.ok(Date.parse(shown.dateCreated) >= earliest && Date.parse(shown.dateCreated) <= Date.now() + 1);
        assertJson(
            await client.get(`${GROUPS}/${id}`),
            shownGroup({ id, organizationId: 1, name, description: 'New', dateCreated: shown.dateCreated }),
        );
        assert.ok(ids(await client.get(`${GROUPS}?size=100`)).includes(id));
    });
    it('every member', async () => {
        const values = { name: freshName(), description: 'D "é" 😀\n\t\\', remarks: 'R', externalId: { value: 'X-1' } };
        const { dateCreated, ...shown } = await get(await create(values));
        assert.deepEqual(shown, { id: shown.id, organizationId: 1, ...values, users: [] });
    });
    it('description is "" and the others are left out when not sent', async () => {
        const shown = await get(await create({ name: freshName() }));
        assert.deepEqual(Object.keys(shown), ['id', 'organizationId', 'name', 'description', 'dateCreated', 'users']);
        assert.equal(shown.description, '');
    });
    it('null is as not sent', async () => {
        const shown = await get(await create({ name: freshName(), description: null, remarks: null, externalId: null }));
        assert.deepEqual(Object.keys(shown), ['id', 'organizationId', 'name', 'description', 'dateCreated', 'users']);
    });
    it('unknown members are ignored, whatever they are', async () => {
        const name = freshName();
        const id = await create({ id: 1, organizationId: 2, users: [1], dateCreated: 'x', uuid: 7, name, more: { a: [1] } });
        const shown = await get(id);
        assert.notEqual(id, 1);
        assert.equal(shown.organizationId, 1);
    });
    it('the name is kept as sent', async () => {
        for (const name of [' blanks around ', 'MiXeD', 'e\u0301 decomposed', '😀', 'x'.repeat(255), '😀'.repeat(255), 'a"\\/b'])
            assert.equal((await get(await create({ name }))).name, name);
    });
    it('two groups get two ids, rising', async () => {
        const first = await create({ name: freshName() }),
            second = await create({ name: freshName() });
        assert.ok(second > first);
    });
    it('white space around the body is fine, and any Content-Type', async () => {
        const body = ` \r\n\t{"name" : "${freshName()}"}\n `;
        assert.equal((await client.post(GROUPS, undefined, { body, headers: { 'Content-Type': 'text/plain' } })).status, 200);
    });

    const REFUSED = {
        'no name': {},
        'name null': { name: null },
        'name empty': { name: '' },
        'name only blanks': { name: '   ' },
        'name only white space': { name: ' \t\n' },
        'name a number': { name: 1 },
        'name an array': { name: ['x'] },
        'name too long': { name: 'x'.repeat(256) },
        'name too long, counted in code points': { name: '😀'.repeat(256) },
        'description a number': { name: 'Refused', description: 1 },
        'remarks an object': { name: 'Refused', remarks: {} },
        'externalId a string': { name: 'Refused', externalId: 'X' },
        'externalId empty': { name: 'Refused', externalId: {} },
        'externalId of a number': { name: 'Refused', externalId: { value: 1 } },
        'externalId an array': { name: 'Refused', externalId: [] },
    };
    for (const [what, values] of Object.entries(REFUSED))
        it(`refused: ${what}`, async () => assertError(await client.post(GROUPS, values), 'InvalidInput'));

    it('organizationId of the own organization', async () =>
        assert.equal((await client.post(`${GROUPS}?organizationId=1`, { name: freshName() })).status, 200));
    for (const id of [2, 4711])
        it(`organizationId=${id}, another or unknown one`, async () =>
            assertError(await client.post(`${GROUPS}?organizationId=${id}`, { name: freshName() }), 'OrganizationNotFound'));
    it('organizationId that is no number', async () =>
        assertError(await client.post(`${GROUPS}?organizationId=x`, { name: freshName() }), 'InvalidInput'));
});

describe('a name is unique in its organization', () => {
    for (const name of ['Red', 'red', 'RED', 'rEd'])
        it(`${name} is taken by Red`, async () => assertError(await client.post(GROUPS, { name }), 'UserGroupNameTaken'));
    it('whatever its Unicode form', async () => {
        await create({ name: 'Café' });
        assertError(await client.post(GROUPS, { name: 'CAFE\u0301' }), 'UserGroupNameTaken');
    });
    it('blanks make another name', async () => assert.equal((await client.post(GROUPS, { name: ' Red' })).status, 200));
    it('another organization has its own names', async () =>
        assert.equal((await roster.as(TOKEN.umbrella).post(GROUPS, { name: 'Green' })).status, 200));
    it('renaming to a taken one', async () => {
        const id = await create({ name: freshName() });
        assertError(await client.put(`${GROUPS}/${id}`, { name: 'RED', description: 'not kept' }), 'UserGroupNameTaken');
        assert.equal((await get(id)).description, '');
    });
    it('a group may change the letter case of its own', async () => {
        const id = await create({ name: 'only case' });
        assertBytes(await client.put(`${GROUPS}/${id}`, { name: 'ONLY Case' }), String(id));
        assert.equal((await get(id)).name, 'ONLY Case');
    });
    it('a deleted group frees its name, and so does renaming', async () => {
        const first = await create({ name: 'Free me' });
        await client.delete(`${GROUPS}/${first}`);
        const second = await create({ name: 'free ME' });
        await client.put(`${GROUPS}/${second}`, { name: freshName() });
        await create({ name: 'Free me' });
    });
    it('unless the organization switched that off', async () => {
        const free = roster.as(secret(31));
        const first = (await free.post(GROUPS, { name: 'Twin' })).json,
            second = (await free.post(GROUPS, { name: 'twin' })).json;
        assert.deepEqual(ids(await free.get(`${GROUPS}?search=TWIN`)), [first, second]);
    });
});

describe('update', () => {
    let id, before;
    beforeEach(async () => {
        id = await create({
            name: freshName(),
            description: 'A description of some length',
            remarks: 'R',
            externalId: { value: `X ${counter}` },
        });
        before = await get(id);
    });

    it('answers the id as a bare number', async () =>
        assertBytes(await client.put(`${GROUPS}/${id}`, { name: freshName() }), String(id)));
    it('what is absent is kept; dateModified appears', async () => {
        const name = freshName();
        await client.put(`${GROUPS}/${id}`, { name });
        const shown = await get(id);
        assert.match(shown.dateModified, DATE_FORM);
        assert.ok(shown.dateModified >= shown.dateCreated);
        assertJson(
            await client.get(`${GROUPS}/${id}`),
            shownGroup({ ...before, externalId: before.externalId.value, name, dateModified: shown.dateModified }),
        );
    });
    it('description alone', async () => {
        await client.put(`${GROUPS}/${id}`, { description: 'Other' });
        assert.deepEqual(
            { ...(await get(id)), dateModified: undefined },
            { ...before, description: 'Other', dateModified: undefined },
        );
    });
    it('name and remarks together: the others are kept', async () => {
        const name = freshName();
        await client.put(`${GROUPS}/${id}`, { name, remarks: 'Other' });
        assert.deepEqual(
            { ...(await get(id)), dateModified: undefined },
            { ...before, name, remarks: 'Other', dateModified: undefined },
        );
    });
    it('null clears description and remarks', async () => {
        await client.put(`${GROUPS}/${id}`, { description: null, remarks: null });
        const shown = await get(id);
        assert.equal(shown.description, '');
        assert.equal('remarks' in shown, false);
    });
    it('externalId and organizationId are no members of an update', async () => {
        await client.put(`${GROUPS}/${id}`, { externalId: { value: 'other' }, organizationId: 2, description: 'changed' });
        const shown = await get(id);
        assert.deepEqual([shown.externalId, shown.organizationId, shown.description], [before.externalId, 1, 'changed']);
    });
    for (const [what, values] of [
        ['nothing', () => ({})],
        ['the same values', () => ({ name: before.name, description: before.description, remarks: 'R' })],
        ['only unknown members', () => ({ colour: 'red' })],
    ])
        it(`${what}: answered the same, nothing changes`, async () => {
            assertBytes(await client.put(`${GROUPS}/${id}`, values()), String(id));
            assert.deepEqual(await get(id), before);
        });
    it('each change moves dateModified on', async () => {
        await client.put(`${GROUPS}/${id}`, { description: 'one' });
        const first = (await get(id)).dateModified;
        await client.put(`${GROUPS}/${id}`, { description: 'two' });
        assert.ok(Date.parse((await get(id)).dateModified) >= Date.parse(first));
        assert.notEqual((await get(id)).dateModified, first);
    });
    it('sorting and searching follow a new name', async () => {
        const name = `Zulu ${freshName()}`;
        await client.put(`${GROUPS}/${id}`, { name });
        assert.deepEqual(ids(await client.get(`${GROUPS}?search=${encodeURIComponent(name)}`)), [id]);
        assert.deepEqual(
            ids(await client.get(`${GROUPS}?search=${encodeURIComponent(before.name)}&size=100`)).includes(id),
            name.includes(before.name),
        );
    });
    for (const [what, values] of [
        ['name null', { name: null }],
        ['name empty', { name: '' }],
        ['name blank', { name: ' ' }],
        ['name a number', { name: 5 }],
        ['name too long', { name: 'x'.repeat(256) }],
        ['remarks true', { remarks: true }],
    ])
        it(`refused: ${what}, and nothing of it is kept`, async () => {
            assertError(await client.put(`${GROUPS}/${id}`, { description: 'not kept', ...values }), 'InvalidInput');
            assert.deepEqual(await get(id), before);
        });
    for (const other of [4711, 'abc', 0, '99999999999999999999'])
        it(`group ${other} is not found`, async () =>
            assertError(await client.put(`${GROUPS}/${other}`, { name: freshName() }), 'UserGroupNotFound'));
});

describe('delete', () => {
    it('answers {} and the group is gone', async () => {
        const id = await create({ name: freshName() });
        await client.post(`${GROUPS}/${id}/users/3`);
        assertBytes(await client.delete(`${GROUPS}/${id}`), '{}');
        assertError(await client.get(`${GROUPS}/${id}`), 'UserGroupNotFound');
        assert.equal(ids(await client.get(`${GROUPS}?size=100`)).includes(id), false);
        assert.equal(ids(await client.get(`${GROUPS}?userId=3`)).includes(id), false);
    });
    it('of every operation the group is then not found', async () => {
        const id = await create({ name: freshName() });
        await client.delete(`${GROUPS}/${id}`);
        const answers = [
            await client.get(`${GROUPS}/${id}`),
            await client.put(`${GROUPS}/${id}`, { name: freshName() }),
            await client.delete(`${GROUPS}/${id}`),
            await client.post(`${GROUPS}/${id}/users/3`),
            await client.post(`${GROUPS}/${id}/users`, [{ userId: 3 }]),
            await client.delete(`${GROUPS}/${id}/users/3`),
            await client.delete(`${GROUPS}/${id}/users`, [3]),
        ];
        for (const answer of answers) assertError(answer, 'UserGroupNotFound');
    });
    it('its number is not used again', async () => {
        const id = await create({ name: freshName() });
        await client.delete(`${GROUPS}/${id}`);
        await roster.restart();
        assert.ok((await create({ name: freshName() })) > id);
    });
    for (const id of ['4711', 'abc', '-1'])
        it(`group ${id} is not found`, async () => assertError(await client.delete(`${GROUPS}/${id}`), 'UserGroupNotFound'));
    it('import can bring it back, with its members', async () => {
        const id = await create({ name: 'Lazarus' });
        await client.post(`${GROUPS}/${id}/users/3?groupAdmin=true`);
        await client.delete(`${GROUPS}/${id}`);
        await roster.import([{ type: 'group', organizationId: 1, id, name: 'Lazarus' }]);
        await roster.restart();
        assert.deepEqual(await members(client, id), [[3, true]]);
    });
});

describe('what was answered survives a restart', () => {
    it('to the byte', async () => {
        await create({ name: 'Kept', description: 'é 😀', remarks: 'r', externalId: { value: 'kept' } });
        const listed = (await client.get(`${GROUPS}?size=100&includeUsers=true`)).text;
        const exported = await roster.export();
        await roster.restart();
        assert.equal((await client.get(`${GROUPS}?size=100&includeUsers=true`)).text, listed);
        assert.equal(await roster.export(), exported);
        await roster.check();
    });
    it('and is in the export', async () => {
        const id = await create({ name: 'Exported', externalId: { value: 'E' } });
        const exported = fromLines(await roster.export()).find((line) => line.type === 'group' && line.id === id);
        assert.deepEqual([exported.name, exported.externalId, exported.organizationId], ['Exported', 'E', 1]);
        assert.match(exported.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });
});
