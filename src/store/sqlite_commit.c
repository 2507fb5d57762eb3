/* sqlite_commit.c — what one commit writes: fence, numbers, rows, log.
 *
 * Numbers come from counters in the row of the installation, read and written once in a transaction that needs them. An
 * explicit number (import) raises its counter. A number that is given twice is impossible; gaps are harmless. */
#include "store/sqlite_writer.h"

#include "base/memory.h"

static int64_t *object_id(enum noun noun, union object object)
{
    switch (noun) {
    case NOUN_ORGANIZATION:
        return &object.organization->id;
    case NOUN_ACCOUNT:
        return &object.account->id;
    case NOUN_USER:
        return &object.user->id;
    case NOUN_GROUP:
        return &object.group->id;
    case NOUN_CREDENTIAL:
        return &object.credential->id;
    case NOUN_MEMBERSHIP:
    case NOUN_NESTING:
    case NOUN_COUNT:
        break;
    }
    return NULL;
}

static int64_t *object_group_id(enum noun noun, union object object)
{
    if (noun == NOUN_MEMBERSHIP) return &object.membership->group_id;
    if (noun == NOUN_NESTING) return &object.nesting->group_id;
    return NULL;
}

/* Unless a number is still to be given. */
bool commit_can_render_early(const struct commit *commit)
{
    if (commit->bulk) return true;
    for (size_t i = 0; i < commit->changes->count; i++) {
        const struct change *change = &commit->changes->items[i];
        if (change_shape(change->kind) != CHANGE_CREATES) continue;
        const int64_t *id = object_id(change_noun(change->kind), change->after);
        if (!id) id = object_group_id(change_noun(change->kind), change->after);
        if (id && *id == 0) return false;
    }
    return true;
}

static enum err read_numbers(struct op *op, struct writer *writer)
{
    if (writer->numbers_read) return ERR_OK;
    AUTO_QUERY q = db_query(&writer->db, "SELECT last_organization, last_account, last_user, last_group, last_credential"
                                         " FROM installation");
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e) return e;
    static const enum noun order[] = { NOUN_ORGANIZATION, NOUN_ACCOUNT, NOUN_USER, NOUN_GROUP, NOUN_CREDENTIAL };
    for (int i = 0; i < 5; i++) writer->numbers[order[i]] = column_number(&q, i);
    writer->numbers_read = true;
    writer->numbers_changed = false;
    return ERR_OK;
}

enum err commit_write_numbers(struct op *op, struct writer *writer)
{
    if (!writer->numbers_read || !writer->numbers_changed) return ERR_OK;
    AUTO_QUERY q = db_query(&writer->db, "UPDATE installation SET last_organization = $1, last_account = $2, last_user = $3,"
                                         " last_group = $4, last_credential = $5");
    static const enum noun order[] = { NOUN_ORGANIZATION, NOUN_ACCOUNT, NOUN_USER, NOUN_GROUP, NOUN_CREDENTIAL };
    for (int i = 0; i < 5; i++) query_number(&q, writer->numbers[order[i]]);
    return query_run(op, &q);
}

static void give_number(struct waiting *w, int64_t *id, int64_t number)
{
    if (w->numbered_count == w->numbered_capacity) {
        w->numbered_capacity = w->numbered_capacity * 2 + 16;
        w->numbered = memory_resize(w->numbered, w->numbered_capacity, sizeof(*w->numbered));
    }
    w->numbered[w->numbered_count++] = id;
    *id = number;
}

void commit_take_numbers_back(struct waiting *w)
{
    for (size_t i = 0; i < w->numbered_count; i++) *w->numbered[i] = 0;
    if (w->numbered_count) w->rendered = false;
    w->numbered_count = 0;
}

static enum err number_objects(struct writer *writer, struct waiting *w)
{
    int64_t group_id = 0; /* created last */
    for (size_t i = 0; i < w->commit->changes->count; i++) {
        const struct change *change = &w->commit->changes->items[i];
        if (change_shape(change->kind) != CHANGE_CREATES) continue;
        enum noun noun = change_noun(change->kind);
        int64_t *id = object_id(noun, change->after);
        if (!id) {
            id = object_group_id(noun, change->after);
            if (*id == 0 && group_id == 0)
                return op_fail(w->op, ERR_INVALID, "groupId", "no group was created before its member");
            if (*id == 0) give_number(w, id, group_id);
            continue;
        }
        enum err e = read_numbers(w->op, writer);
        if (e) return e;
        if (*id > NUMBER_MAX || *id < 0) return op_fail(w->op, ERR_INVALID, "id", "the id is out of range");
        if (*id == 0) {
            if (writer->numbers[noun] >= NUMBER_MAX) return op_fail(w->op, ERR_STORAGE, "id", "there are no numbers left");
            give_number(w, id, writer->numbers[noun] + 1);
        }
        if (*id > writer->numbers[noun]) {
            writer->numbers[noun] = *id;
            writer->numbers_changed = true;
        }
        if (noun == NOUN_GROUP) group_id = *id;
    }
    return ERR_OK;
}

/* ---- log entries */

/* What the log gets: every change, or for bulk one mark that the organization was imported. */
static struct change_list logged_changes(const struct waiting *w, struct organization *organization, struct change *mark)
{
    if (!w->commit->bulk) return *w->commit->changes;
    *organization = (struct organization){ .id = w->commit->organization_id };
    *mark = (struct change){ .kind = ORGANIZATION_IMPORTED, .after.organization = organization };
    return (struct change_list){ .items = mark, .count = 1 };
}

void commit_render(struct waiting *w)
{
    struct organization organization;
    struct change mark;
    struct change_list list = logged_changes(w, &organization, &mark);
    buf_reset(&w->details);
    if (!w->starts) w->starts = arena_array(&w->op->arena, list.count, sizeof(*w->starts));
    for (size_t i = 0; i < list.count; i++) {
        w->starts[i] = w->details.size;
        change_write_detail(&w->details, &list.items[i]);
        buf_add_char(&w->details, '\0');
    }
    w->rendered = true;
}

static enum err write_log(struct writer *writer, struct waiting *w, int64_t previous)
{
    struct organization organization;
    struct change mark;
    struct change_list list = logged_changes(w, &organization, &mark);
    const struct commit *commit = w->commit;
    w->commit_id = uuid_random();
    for (size_t i = 0; i < list.count; i++) {
        int64_t group_id, subject_id, subject_object_id;
        change_subjects(&list.items[i], &group_id, &subject_id, &subject_object_id);
        AUTO_QUERY q =
            db_query(&writer->db, "INSERT INTO change (sequence, previous, organization_id, version, position, time, kind,"
                                  " credential_id, user_id, group_id, subject_id, object_id, commit_id, detail)"
                                  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
        query_number(&q, writer->next_sequence);
        query_number(&q, previous);
        query_number(&q, commit->organization_id);
        query_number(&q, commit->expected_version + 1);
        query_number(&q, (int64_t)i);
        query_number(&q, w->time);
        query_text(&q, change_word(list.items[i].kind));
        query_number(&q, commit->credential_id);
        query_number(&q, commit->user_id);
        query_number(&q, group_id);
        query_number(&q, subject_id);
        query_number(&q, subject_object_id);
        query_bytes(&q, w->commit_id.bytes, sizeof(w->commit_id.bytes));
        query_text(&q, w->details.bytes + w->starts[i]);
        enum err e = query_run(w->op, &q);
        if (e) return e;
        previous = writer->next_sequence++;
    }
    w->last_sequence = previous;
    return ERR_OK;
}

/* ---- one commit */

static enum err check_fence(struct writer *writer, struct waiting *w, int64_t *ret_last_sequence)
{
    struct commit *commit = w->commit;
    AUTO_QUERY q = db_query(&writer->db, "SELECT version, last_time, last_sequence FROM organization"
                                         " WHERE id = $1 AND deleted_at IS NULL");
    query_number(&q, commit->organization_id);
    bool row;
    enum err e = query_step(w->op, &q, &row);
    if (e) return e;
    if (!row)
        return op_fail(w->op, ERR_NOT_FOUND, "organization", "there is no organization %lld", (long long)commit->organization_id);
    if (commit->expected_version == COMMIT_ANY_VERSION) commit->expected_version = column_number(&q, 0);
    if (column_number(&q, 0) != commit->expected_version) {
        return op_fail(w->op, ERR_STALE, "", "the organization changed since it was read");
    }
    int64_t last_time = column_number(&q, 1);
    w->time = commit->time > last_time ? commit->time : last_time;
    *ret_last_sequence = column_number(&q, 2);
    return ERR_OK;
}

static enum err move_fence(struct writer *writer, struct waiting *w)
{
    AUTO_QUERY q = db_query(&writer->db, "UPDATE organization SET version = version + 1, last_time = $1, last_sequence = $2"
                                         " WHERE id = $3 AND version = $4");
    query_number(&q, w->time);
    query_number(&q, w->last_sequence);
    query_number(&q, w->commit->organization_id);
    query_number(&q, w->commit->expected_version);
    return query_run(w->op, &q);
}

enum err commit_run(struct writer *writer, struct waiting *w)
{
    int64_t last_sequence = 0;
    enum err e = check_fence(writer, w, &last_sequence);
    if (!e) e = number_objects(writer, w);
    if (e) return e;
    if (!w->rendered) commit_render(w);
    if (w->details.overflow) return op_fail(w->op, ERR_TOO_LARGE, "", "the commit's log entries are too large");

    w->wrote = true;
    const struct change_list *changes = w->commit->changes;
    for (size_t i = 0; i < changes->count && !e; i++) {
        e = store_apply(w->op, &writer->db, w->commit->organization_id, &changes->items[i], w->time);
    }
    if (!e) e = write_log(writer, w, last_sequence);
    return e ? e : move_fence(writer, w);
}
