// The example of Passbolt's documentation page for GET /groups.json (release 2.10), answered to the byte: profile 2. The text is
// the page's own, compacted. A group that a user made gets its ids from the server, so the page's stand for those.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bearer, fromLines, organization, secret, user } from './support/objects.mjs';
import { assertSuccess, servePassbolt, withCredential } from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';

const USER = 'd57c10f5-639d-5160-9c81-8a0c6c4ec856';
const HEADER_ID = 'f5f4aceb-6919-4b7d-8b33-2c22f463192d';
const SERVERTIME = 1554983137;
const GROUP = 'b7cbce9f-6a20-545b-b20a-fcf4092307df';
const MEMBERSHIP = 'd100fc5d-6685-50aa-897b-87ac816e28c8';

const header = (query) =>
    `{"header":{"id":"${HEADER_ID}","status":"success","servertime":${SERVERTIME},"title":"app_groups_index_success",` +
    '"action":"3cffe6ef-ea4c-5bc3-869b-945f26e2601a","message":"The operation was successful.",' +
    `"url":"\\/groups.json?${query}","code":200},"body":`;

const PAGE_BODY =
    `[{"id":"${GROUP}","name":"Resource planning","deleted":false,"created":"2016-01-29T13:39:25+00:00",` +
    `"modified":"2016-01-29T13:39:25+00:00","created_by":"${USER}","modified_by":"${USER}","users":[{"id":"${USER}",` +
    '"role_id":"0d51c3a8-5e67-5e3d-882f-e1868966d817","username":"","active":true,"deleted":false,' +
    '"created":"2019-04-04T12:05:44+00:00","modified":"2019-04-04T12:05:44+00:00",' +
    `"_joinData":{"id":"${MEMBERSHIP}","group_id":"${GROUP}","user_id":"${USER}","is_admin":true,` +
    '"created":"2019-04-04T12:05:52+00:00"},"last_logged_in":""}]}]';

/* The page's query, as it is encoded there, and its JSON. */
const CONTAIN = ['contain%5Buser%5D=1&api-version=v2', 'contain%5Buser%5D=1\\u0026api-version=v2'];

const roster = new Roster();
let client, group, membership;

before(async () => {
    const admin = user(1, 1, { uuid: USER, superUser: true, dateCreated: '2019-04-04T12:05:44Z' });
    await servePassbolt([organization(1, 'Passbolt'), admin, bearer(1, secret(1), { userId: 1 })], 2, [], roster);
    client = withCredential(roster, secret(1));

    // The user makes the group, else nobody would be its maker; then the dates become those of the page.
    const made = assertSuccess(
        await client.post('/groups.json', { name: 'Resource planning', groups_users: [{ user_id: USER, is_admin: true }] }),
        { message: 'The group has been added successfully.', title: 'app_groups_addPost_success' },
    );
    const objects = fromLines(await roster.export()).filter(({ type }) => type === 'group' || type === 'membership');
    const dates = {
        group: { dateCreated: '2016-01-29T13:39:25Z', dateModified: '2016-01-29T13:39:25Z' },
        membership: { dateCreated: '2019-04-04T12:05:52Z' },
    };
    await roster.stop();
    await roster.import(objects.map((object) => ({ ...object, ...dates[object.type] })));
    await servePassbolt(null, 2, [], roster);
    client = withCredential(roster, secret(1));
    ({ id: group } = made);
    membership = made.groups_users[0].id;
});
after(() => roster.stop());

/* The answer's text with the page's ids for the server's, and its time. */
function asOnPage(answer) {
    const { id, servertime } = answer.json.header;
    return answer.text
        .replace(`"id":"${id}"`, `"id":"${HEADER_ID}"`)
        .replace(`"servertime":${servertime},`, `"servertime":${SERVERTIME},`)
        .replaceAll(group, GROUP)
        .replaceAll(membership, MEMBERSHIP);
}

describe("the example of Passbolt's page", () => {
    it('contain[user]=1 with api-version=v2', async () => {
        const [query, text] = CONTAIN;
        const answer = await client.get(`/groups.json?${query}`);
        assert.equal(answer.status, 200);
        assert.equal(asOnPage(answer), `${header(text)}${PAGE_BODY}}`);
    });

    it('asked a second time (now from memory)', async () => {
        const [query, text] = CONTAIN;
        await client.get(`/groups.json?${query}`);
        assert.equal(asOnPage(await client.get(`/groups.json?${query}`)), `${header(text)}${PAGE_BODY}}`);
    });

    it('with the brackets as they are: the url has them encoded', async () => {
        const answer = await client.get('/groups.json?contain[user]=1&api-version=v2');
        assert.equal(asOnPage(answer), `${header(CONTAIN[1])}${PAGE_BODY}}`);
    });

    for (const [query, text] of [
        ['order%5B%5D=Group.name+ASC', 'order%5B%5D=Group.name+ASC'],
        ['order%5B%5D=Group.name%20ASC', 'order%5B%5D=Group.name%20ASC'],
    ])
        it(`sorted, with the filter for its user: ${query}`, async () => {
            const more = `filter%5Bhas-users%5D=${USER}&filter%5Bhas-manager%5D=${USER}`;
            const answer = await client.get(`/groups.json?${CONTAIN[0]}&${query}&${more}`);
            const url = `${CONTAIN[1]}\\u0026${text}\\u0026${more.replaceAll('&', '\\u0026')}`;
            assert.equal(asOnPage(answer), `${header(url)}${PAGE_BODY}}`);
        });

    it('with modifier and group_user, the other options of the page', async () => {
        const answer = await client.get('/groups.json?api-version=v2&contain[modifier]=1&contain[group_user]=1');
        const [{ modifier, groups_users, ...own }] = assertSuccess(answer);
        const [{ users, ...page }] = JSON.parse(PAGE_BODY);
        const [{ _joinData, ...modifierOnPage }] = users;
        assert.deepEqual(own, { ...page, id: group });
        assert.equal(JSON.stringify(modifier), JSON.stringify(modifierOnPage));
        assert.deepEqual(groups_users, [{ ..._joinData, id: membership, group_id: group }]);
    });
});
