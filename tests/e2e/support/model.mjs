// model.mjs — Bold's user groups as simply as can be: arrays, filter, sort, slice. What the server answers must be the same.
import { shownGroup, shownUser } from './bold.mjs';

/* Right for the letters the model test uses; where lower-casing is not case folding see unicode.test.mjs. */
export const fold = (text) => text.normalize('NFC').toLowerCase().normalize('NFC');

const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const refuse = (status, code) => ({ status, code });
const NOT_FOUND = refuse(404, 'UserGroupNotFound'),
    FORBIDDEN = refuse(403, 'Forbidden');
const NO_SUCH_USER = refuse(400, 'GroupAndUserNotInSameAccount'),
    NAME_TAKEN = refuse(400, 'UserGroupNameTaken');

export class Model {
    constructor(organizations) {
        this.organizations = organizations; // [{ id, uniqueGroupNames }]
        this.users = []; // { id, organizationId, superUser, dateCreated }
        this.groups = []; // { id, organizationId, name, description, ..., members: Map of user id to groupAdmin }
    }

    // --- who sees what; a caller is { organizationId, userId (none: a service key), writes } ---

    isAdministrator(caller) {
        return !caller.userId || this.users.find(({ id }) => id === caller.userId).superUser;
    }

    seenBy(caller) {
        const own = this.groups.filter((group) => group.organizationId === caller.organizationId);
        return this.isAdministrator(caller) ? own : own.filter((group) => group.members.has(caller.userId));
    }

    findSeen(caller, id) {
        return this.seenBy(caller).find((group) => group.id === id);
    }

    // --- reading ---

    shown(group, includeUsers) {
        const ids = includeUsers ? [...group.members.keys()].sort((a, b) => a - b) : [];
        return shownGroup(
            group,
            ids.map((id) =>
                shownUser(
                    this.users.find((user) => user.id === id),
                    group.members.get(id),
                ),
            ),
        );
    }

    list(caller, { search, organizationId, userId, sortBy, sortDirection = 'asc', offset = 0, size = 50, includeUsers = false }) {
        let groups = this.seenBy(caller).sort((a, b) => a.id - b.id);
        if (organizationId !== undefined) groups = groups.filter((group) => group.organizationId === organizationId);
        if (userId !== undefined) groups = groups.filter((group) => group.members.has(userId));
        if (search) groups = groups.filter((group) => fold(group.name).includes(fold(search)));
        const sign = sortDirection.toLowerCase() === 'desc' ? -1 : 1;
        if (sortBy) groups = groups.sort((a, b) => sign * byBytes(fold(a.name), fold(b.name)) || a.id - b.id);
        return groups.slice(offset, offset + Math.min(size, 100)).map((group) => this.shown(group, includeUsers));
    }

    get(caller, id, includeUsers) {
        const group = this.findSeen(caller, id);
        return group ? { status: 200, json: this.shown(group, includeUsers) } : NOT_FOUND;
    }

    // --- writing: what is refused and why, else `apply` makes the change when the server said it is done ---

    isTaken(organizationId, name, except) {
        const { uniqueGroupNames } = this.organizations.find(({ id }) => id === organizationId);
        return (
            uniqueGroupNames &&
            this.groups.some(
                (group) => group !== except && group.organizationId === organizationId && fold(group.name) === fold(name),
            )
        );
    }

    create(caller, values) {
        if (!caller.writes || !this.isAdministrator(caller)) return FORBIDDEN;
        if (this.isTaken(caller.organizationId, values.name)) return NAME_TAKEN;
        return {
            status: 200,
            apply: (id, dateCreated) =>
                this.groups.push({ id, organizationId: caller.organizationId, ...values, dateCreated, members: new Map() }),
        };
    }

    update(caller, id, values) {
        if (!caller.writes) return FORBIDDEN;
        const group = this.findSeen(caller, id);
        if (!group) return NOT_FOUND;
        if (!this.isAdministrator(caller)) return FORBIDDEN;
        if (values.name !== undefined && this.isTaken(group.organizationId, values.name, group)) return NAME_TAKEN;
        const changes = Object.entries(values).some(([name, value]) => value !== group[name]);
        return { status: 200, group, changes, apply: () => Object.assign(group, values) };
    }

    delete(caller, id) {
        const refused = this.update(caller, id, {});
        if (refused.status !== 200) return refused;
        return { status: 200, apply: () => (this.groups = this.groups.filter((group) => group !== refused.group)) };
    }

    /* Who may change the members of a group: an administrator, or one of its managers. */
    changeMembers(caller, id, userIds, apply) {
        if (!caller.writes) return FORBIDDEN;
        const group = this.findSeen(caller, id);
        if (!group) return NOT_FOUND;
        if (!this.isAdministrator(caller) && !group.members.get(caller.userId)) return FORBIDDEN;
        const known = (userId) => this.users.some((user) => user.id === userId && user.organizationId === group.organizationId);
        if (!userIds.every(known)) return NO_SUCH_USER;
        return { status: 200, apply: () => apply(group.members) };
    }

    /* members: [{ userId, groupAdmin (may be absent) }] */
    addMembers(caller, id, members) {
        return this.changeMembers(
            caller,
            id,
            members.map(({ userId }) => userId),
            (known) => {
                for (const { userId, groupAdmin } of members) known.set(userId, groupAdmin ?? known.get(userId) ?? false);
            },
        );
    }

    removeMembers(caller, id, userIds) {
        return this.changeMembers(caller, id, userIds, (known) => userIds.forEach((userId) => known.delete(userId)));
    }
}
