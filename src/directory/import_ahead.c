/* import_ahead.c — asking the database for what the next lines are about, once for all of them: by line it would be a round trip
 * each, and most of the time of an import into a database that is elsewhere.
 *
 * Lines are read ahead of their turn, and of those that will stand in the batch under way it is collected what each will look
 * up. The fence of the batch covers the answers: they come after its versions were seen. What was not asked for is looked up by
 * itself, so nothing depends on this being complete. */
#include "base/memory.h"
#include "directory/import_line.h"

#include <errno.h>

enum { AHEAD_BYTES = 1 << 20 };

/* --- reading lines --- */

void import_forget_ahead(struct importer *importer)
{
    struct ahead *ahead = &importer->ahead;
    for (size_t i = 0; i < ahead->count; i++) ahead->lines[i].read = NULL;
    ahead->asked = 0;
    memset(ahead->known, 0, sizeof ahead->known);
}

void import_free_ahead(struct importer *importer)
{
    struct ahead *ahead = &importer->ahead;
    for (size_t i = 0; i < ahead->count; i++) free(ahead->lines[i].text);
    ahead->count = ahead->at = ahead->asked = 0;
}

void import_fill_ahead(struct importer *importer, struct lines *lines)
{
    struct ahead *ahead = &importer->ahead;
    import_forget_ahead(importer);
    import_free_ahead(importer);
    enum lines_result result = LINES_ONE;
    size_t bytes = 0;
    while (ahead->count < AHEAD_LINES && bytes < AHEAD_BYTES && result != LINES_END && result != LINES_FAILED) {
        struct ahead_line *line = &ahead->lines[ahead->count++];
        const char *text = NULL;
        size_t size = 0;
        result = lines_next(lines, &text, &size);
        *line = (struct ahead_line){ .result = result, .error = errno, .total = lines->total };
        if (result != LINES_ONE || !size) continue;
        line->text = memory_alloc(size);
        line->size = size;
        memcpy(line->text, text, size);
        bytes += size;
    }
}

/* --- asking --- */

struct wanted {
    struct arena *arena;
    struct {
        struct store_lookup *items;
        size_t count, capacity;
    } of[NOUN_COUNT];
};

static void want(struct wanted *wanted, enum noun noun, int64_t id, int64_t second_id)
{
    wanted->of[noun].items = arena_grow(wanted->arena, wanted->of[noun].items, wanted->of[noun].count, &wanted->of[noun].capacity,
                                        sizeof *wanted->of[noun].items);
    wanted->of[noun].items[wanted->of[noun].count++] = (struct store_lookup){ .id = id, .second_id = second_id };
}

/* What the importers of the nouns look up. `made_here`: of an organization that the file made nothing is in the database. */
static void collect(struct wanted *wanted, const struct line *line, bool made_here)
{
    const union object values = line->values;
    const struct number_set *accounts = &line->importer->ledger.accounts;
    if (line->noun == NOUN_ACCOUNT) want(wanted, NOUN_ACCOUNT, values.account->id, 0);
    if (line->noun == NOUN_USER && !line->deletes && values.user->account_id &&
        !number_set_has(accounts, values.user->account_id))
        want(wanted, NOUN_ACCOUNT, values.user->account_id, 0);
    if (made_here) return;
    if (line->noun == NOUN_USER) want(wanted, NOUN_USER, values.user->id, 0);
    if (line->noun == NOUN_GROUP) want(wanted, NOUN_GROUP, values.group->id, 0);
    if (line->noun == NOUN_MEMBERSHIP) {
        want(wanted, NOUN_MEMBERSHIP, values.membership->group_id, values.membership->user_id);
        if (line->deletes) return;
        want(wanted, NOUN_GROUP, values.membership->group_id, 0);
        want(wanted, NOUN_USER, values.membership->user_id, 0);
    }
    if (line->noun == NOUN_NESTING && !line->deletes) {
        want(wanted, NOUN_GROUP, values.nesting->group_id, 0);
        want(wanted, NOUN_GROUP, values.nesting->child_group_id, 0);
    }
}

/* The line, read in the memory of the batch; NULL if it is bad, which is told when its turn comes. */
static struct line *read_ahead(struct importer *importer, struct ahead_line *ahead)
{
    if (ahead->read || !ahead->size) return ahead->read;
    struct line *line = arena_zalloc(&importer->batch->arena, sizeof *line);
    *line = (struct line){ .importer = importer, .op = importer->batch };
    if (line_read(line, ahead->text, ahead->size)) failure_clear(&importer->batch->failure);
    else ahead->read = line;
    return ahead->read;
}

/* Collects from the lines that will be in the batch: up to one that is not, or that is about what another was about. */
static void collect_ahead(struct importer *importer, struct wanted *wanted)
{
    struct ahead *ahead = &importer->ahead;
    const struct ledger_organization *organization = ledger_find(&importer->ledger, importer->organization_id);
    struct hash_set objects = { 0 };
    size_t i = ahead->at;
    for (; i < ahead->count; i++) {
        const struct line *line = read_ahead(importer, &ahead->lines[i]);
        if (!line) continue;
        uint64_t object = line_object(line);
        if (i > ahead->at && (!line_stays_in_batch(line) || (object && !hash_set_add(&objects, object)))) break;
        collect(wanted, line, organization && organization->created);
    }
    ahead->asked = i;
    hash_set_free(&objects);
}

enum err import_look_ahead(struct importer *importer)
{
    struct ahead *ahead = &importer->ahead;
    bool seen_since = ahead->version != importer->version || ahead->installation_version != importer->installation_version;
    if (importer->careful || (ahead->at < ahead->asked && !seen_since)) return ERR_OK;
    struct wanted wanted = { .arena = &importer->batch->arena };
    memset(ahead->known, 0, sizeof ahead->known);
    ahead->version = importer->version;
    ahead->installation_version = importer->installation_version;
    collect_ahead(importer, &wanted);
    enum err e = ERR_OK;
    for (enum noun noun = 0; noun < NOUN_COUNT && !e; noun++) {
        if (!wanted.of[noun].count) continue;
        size_t count = store_sort_lookups(wanted.of[noun].items, wanted.of[noun].count);
        int64_t organization_id = noun == NOUN_ACCOUNT ? INSTALLATION : importer->organization_id;
        e = store_find_many(importer->batch, importer->store, noun, organization_id, wanted.of[noun].items, count);
        if (!e) ahead->known[noun] = (struct known){ wanted.of[noun].items, count };
    }
    return e;
}

enum err import_find(struct importer *importer, enum noun noun, int64_t organization_id, int64_t id, int64_t second_id,
                     bool *ret_found, union object *ret_object)
{
    const struct known *known = &importer->ahead.known[noun];
    const struct store_lookup *lookup = store_find_lookup(known->items, known->count, id, second_id);
    if (!lookup) return store_find(importer->batch, importer->store, noun, organization_id, id, second_id, ret_found, ret_object);
    *ret_found = lookup->found;
    if (lookup->found) *ret_object = lookup->object;
    return ERR_OK;
}
