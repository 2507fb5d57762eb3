// `roster copy` looks whether all arrived and does not take the target's word for it: from a database that changes, loses or
// breaks what is written to it the copy ends with 1, and it is said what is wrong.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { before, describe, it } from 'node:test';
import { smallWorld } from './support/objects.mjs';
import { Roster } from './support/roster.mjs';

const ENGINES = ['sqlite', 'postgres'].filter((engine) => engine === 'sqlite' || fs.existsSync('/usr/lib/postgresql'));

/* Has the target do something of its own when a row is copied into a table. */
function spoil(target, { table, row, statement }) {
    const trigger = `CREATE TRIGGER spoil AFTER INSERT ON ${table} FOR EACH ROW WHEN (${row})`;
    if (target.engine === 'sqlite') return target.query(`${trigger} BEGIN ${statement}; END`);
    target.query(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NULL; END $$`);
    return target.query(`${trigger} EXECUTE FUNCTION spoil()`);
}

const WRONG = {
    'another name: the exports differ': {
        table: 'user_group',
        row: 'NEW.id = 1',
        statement: "UPDATE user_group SET name = 'Rot' WHERE id = 1",
        told: [/^roster: the exports of both are not the same; /m],
    },
    'a member who is another person: the exports differ': {
        table: 'membership',
        row: 'NEW.group_id = 1 AND NEW.user_id = 3',
        statement: 'UPDATE membership SET user_id = 4 WHERE group_id = 1 AND user_id = 3',
        told: [/^roster: the exports of both are not the same; /m],
    },
    'a time in the log that goes back, which no export shows: the check finds it': {
        table: 'change',
        row: 'NEW.organization_id = 1 AND NEW.version = 2 AND NEW.position = 0',
        statement: 'UPDATE change SET time = 1 WHERE organization_id = 1 AND version = 2 AND position = 0',
        told: [/^log of organization 1: time goes back at version 2$/m, /^roster: 1 finding in the copy$/m],
    },
    'a version that the log does not know, which no export shows: the check finds it': {
        table: 'change',
        row: 'NEW.organization_id = 1 AND NEW.version = 2 AND NEW.position = 0',
        statement: 'UPDATE organization SET version = 999 WHERE id = 1',
        told: [/^organization 1 has version 999 but its log ends at version 2$/m, /^roster: 1 finding in the copy$/m],
    },
    'a session that is lost, which neither export nor check shows: rows are counted': {
        table: 'login',
        row: 'NEW.user_id = 2',
        statement: 'DELETE FROM login WHERE user_id = 2',
        told: [/^roster: --to: login has 1 row, 2 were copied$/m],
    },
};

/* SQLite's foreign keys refuse such a row when it is written. */
const DANGLING = {
    'a session of nobody, which no export shows: the check finds it': {
        table: 'login',
        row: 'NEW.user_id = 2',
        statement: 'UPDATE login SET user_id = 999 WHERE user_id = 2',
        told: [/^1 log-ins of a missing user$/m, /^roster: 1 finding in the copy$/m],
    },
};

for (const engine of ENGINES)
    describe(`what ${engine} makes of a copy`, () => {
        const source = new Roster({ engine: 'sqlite' });
        before(async () => {
            await source.import(smallWorld());
            await source.import([{ type: 'group', organizationId: 1, id: 1, name: 'Red', remarks: 'a second version' }]);
            for (const id of [1, 2])
                source.query(
                    'INSERT INTO login (organization_id, user_id, user_uuid, kind, secret_hash, created_at, expires_at)' +
                        ` SELECT organization_id, id, uuid, 1, ${source.bytes(String(id).repeat(64))}, 1, 4000000000000000` +
                        ` FROM app_user WHERE id = ${id}`,
                );
        });

        /* How a copy ends into a target that has its tables already. */
        async function copyInto(wrong) {
            const target = new Roster({ engine });
            await target.command('migrate');
            if (wrong) spoil(target, wrong);
            return source.run(['copy', '--from', source.store, '--to', target.store], { env: target.environment() });
        }

        it('nothing wrong, if it does as it is told', async () => {
            const { code, stdout, stderr } = await copyInto(null);
            assert.deepEqual([code, stdout], [0, 'copied; the copy is sound and its export the same\n'], stderr);
        });
        for (const [what, wrong] of Object.entries({ ...WRONG, ...(engine === 'postgres' && DANGLING) }))
            it(what, async () => {
                const { code, stdout, stderr } = await copyInto(wrong);
                assert.deepEqual([code, stdout], [1, ''], stderr);
                for (const line of wrong.told) assert.match(stderr, line);
            });
    });
