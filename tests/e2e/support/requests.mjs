// requests.mjs — random requests of Tedee's, Struct PIM's and Passbolt's APIs by several callers: reads, writes, and such as are
// refused. What has to come of them is not known here: who sends them compares two servers (twin.mjs).
import { secret } from './objects.mjs';
import * as struct from './struct-pim.mjs';
import * as tedee from './tedee.mjs';

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const MEMBERSHIPS = new RegExp(`"id":"(${UUID})","group_id":"(${UUID})"`, 'g');
const CONTAINS = ['modifier', 'users', 'my_group_user', 'groups_users', 'groups_users.user.profile', 'nothing'];

/* Each gives [method, path, body]; `r` chooses. How often it comes stands before it. */
const KINDS = {
    tedee: [
        [4, (r) => ['get', `${r.tedeeGroups()}?page=${r.oneOf(1, 1, 2, 0)}&itemsPerPage=${r.oneOf(2, 10, 100, 101)}`]],
        [2, (r) => ['get', `${r.tedeeGroups()}?filters.text=${encodeURIComponent(r.name())}`]],
        [1, () => ['get', tedee.ORGANIZATIONS]],
        [1, (r) => ['get', `${tedee.users(r.organizationId())}?filters.UserTypes=${r.oneOf(0, 1, 7)}`]],
        [4, (r) => ['get', `${r.tedeeGroup()}?includeMembers=${r.oneOf('true', 'false', 'perhaps')}`]],
        [3, (r) => ['get', `${r.tedeeGroup()}/members`]],
        [4, (r) => ['post', r.tedeeGroups(), { name: r.name() }]],
        [4, (r) => ['patch', r.tedeeGroup(), { name: r.name() }]],
        [1, (r) => ['delete', r.tedeeGroup()]],
        [5, (r) => ['post', `${r.tedeeGroup()}/members`, { organizationUserIds: r.userNumbers() }]],
        [3, (r) => ['delete', `${r.tedeeGroup()}/members`, { organizationUserIds: r.userNumbers() }]],
    ],
    struct: [
        [2, () => ['get', struct.GROUPS]],
        [5, (r) => ['get', `${struct.GROUPS}/${r.group()}`]],
        [3, (r) => ['post', struct.GROUPS, { Uid: r.newGroup(), Name: r.name(), ...r.grants() }]],
        [1, (r) => ['post', struct.GROUPS, { Name: r.name() }]], // whose Uid the server makes
        [4, (r) => ['put', struct.GROUPS, { Uid: r.group(), Name: r.name(), ...r.grants() }]],
        [1, (r) => ['delete', `${struct.GROUPS}/${r.group()}`]],
    ],
    passbolt: [
        [3, (r) => ['get', `/groups.json?contain[${r.oneOf(...CONTAINS)}]=${r.oneOf(1, 0, 'perhaps')}`]],
        [2, (r) => ['get', `/groups.json?filter[${r.oneOf('has-users', 'has-managers', 'nothing')}]=${r.userUuid()}`]],
        [6, (r) => ['get', `/groups/${r.group()}.json?contain[groups_users]=1`]],
        [1, () => ['get', '/users.json']],
        [2, (r) => ['get', `/users/${r.userUuid()}.json`]],
        [4, (r) => ['post', '/groups.json', { name: r.name(), groups_users: r.members() }]],
        [6, (r) => ['put', `/groups/${r.group()}.json`, { name: r.name(), groups_users: r.changes() }]],
        [2, (r) => ['put', `/groups/${r.group()}/dry-run.json`, { groups_users: r.changes() }]],
        [1, (r) => ['delete', `/groups/${r.group()}/dry-run.json`]],
        [1, (r) => ['delete', `/groups/${r.group()}.json`]],
    ],
};
const LOTTERY = Object.entries(KINDS).flatMap(([api, kinds]) =>
    kinds.flatMap(([weight, make]) => Array(weight).fill({ api, make })),
);

export class Requests {
    /* { 'tedee done': 12, 'tedee refused': 3 ... }: of writes. */
    counts = {};
    #memberships = []; // { id, groupId }, as Passbolt told them
    #made = 0;
    #groupId; // of the request that is being made

    /* `clients`: those of each API, { tedee: [...], struct: [...], passbolt: [...] }; `name()` makes one; `groups`: their UUIDs;
     * `users`: [{ id, uuid }]. */
    constructor({ random, clients, name, groups, users }) {
        Object.assign(this, { random, clients, makeName: name, groups: [...groups], users });
    }

    async step() {
        const { api, make } = this.random.pick(LOTTERY);
        const [method, path, body] = make(this);
        const answer = await this.random.pick(this.clients[api])[method](path, body);
        if (method !== 'get') this.#count(`${api} ${answer.status < 300 ? 'done' : 'refused'}`);
        if (answer.status >= 300) return;
        this.#learn(answer.text);
        if (method === 'delete' && path.split('/').at(-1).replace('.json', '') === this.#groupId) this.#forget();
    }

    #count(what) {
        this.counts[what] = (this.counts[what] ?? 0) + 1;
    }

    /* Groups and memberships that servers made names for. */
    #learn(text) {
        const [, made] = new RegExp(`^{"result":{"id":"(${UUID})"}`).exec(text) ?? [];
        if (made) this.groups.push(made);
        for (const [, id, groupId] of text.matchAll(MEMBERSHIPS)) {
            if (!this.groups.includes(groupId)) this.groups.push(groupId);
            if (!this.#memberships.some((known) => known.id === id)) this.#memberships.push({ id, groupId });
        }
    }

    /* The group that was deleted; not always, because what is gone is asked for, too. */
    #forget() {
        if (this.random.chance(0.8)) this.groups = this.groups.filter((known) => known !== this.#groupId);
    }

    // --- what requests are made of; some of it is bad ---

    oneOf(...values) {
        return this.random.pick(values);
    }

    organizationId() {
        return this.oneOf(1, 1, 1, 1, 1, 1, 2, 3);
    }

    name() {
        return this.random.chance(0.9) ? this.makeName() : this.oneOf('', ' ', 'x'.repeat(256), 'a\u0007', 7, null);
    }

    /* Rarely nobody's, or none. */
    group() {
        const { random } = this;
        this.#groupId = random.chance(0.95) ? random.pick(this.groups) : this.oneOf(secret(4711), 'nothing');
        return this.#groupId;
    }

    newGroup() {
        if (this.random.chance(0.1)) return this.oneOf('nothing', this.random.pick(this.groups)); // one that is taken
        const uuid = secret(400_000 + this.#made++);
        this.groups.push(uuid);
        return uuid;
    }

    tedeeGroups() {
        return tedee.groups(this.organizationId());
    }

    tedeeGroup() {
        return `${this.tedeeGroups()}/${this.group()}`;
    }

    userNumbers() {
        const numbers = this.random.picks(this.users, this.random.below(5)).map(({ id }) => id);
        return this.random.chance(0.9) ? numbers : [...numbers, this.oneOf(4711, 0, 'nobody')];
    }

    userUuid() {
        return this.random.chance(0.9) ? this.random.pick(this.users).uuid : this.oneOf(secret(4712), 'nobody');
    }

    grants() {
        const { random } = this;
        const ReadOnly = random.chance(0.5);
        return {
            Languages: random.picks([1, 2, 3, 4, 5], random.below(3)).map((LanguageId) => ({ LanguageId, ReadOnly })),
            Segments: random.chance(0.3) ? [{ SegmentUid: struct.uid(random.below(20)), ReadOnly }] : null,
            BusinessUnits: random.chance(0.1) ? [{ BusinessUnitUid: 'nothing' }] : [],
        };
    }

    members() {
        const { random } = this;
        const list = random.picks(this.users, random.below(4)).map(({ uuid }) => ({ user_id: uuid, is_admin: random.chance(0.5) }));
        return random.chance(0.9) ? [...list, { user_id: this.userUuid(), is_admin: true }] : list;
    }

    /* Mostly of memberships of the group that was just chosen. */
    changes() {
        const { random } = this;
        const own = this.#memberships.filter(({ groupId }) => groupId === this.#groupId);
        const some = own.length && random.chance(0.9) ? own : this.#memberships;
        return Array.from({ length: random.below(4) }, () => {
            const id = random.pick(some)?.id ?? secret(4713);
            return this.oneOf({ user_id: this.userUuid() }, { id, is_admin: random.chance(0.5) }, { id, delete: true });
        });
    }
}
