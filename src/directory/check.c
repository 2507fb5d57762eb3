#include "directory/check.h"

#include "directory/directory.h"
#include "directory/ledger.h"
#include "directory/nesting.h"

#include <stdarg.h>
#include <stdio.h>

struct checker {
    store_report_function report;
    void *context;
    struct check_counts *counts;
    struct image *image;
    struct number_set accounts;
    int64_t version; /* of the rows being compared */
    int64_t memberships;
    struct nesting_graph nestings;
    struct number_set organizations;
};

PRINTF_LIKE(2, 3) static void find(struct checker *checker, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    checker->counts->findings++;
    checker->report(checker->context, text);
}

/* --- rows against the image --- */

static void compare(struct checker *checker, enum noun noun, int64_t id, union object row, union object held)
{
    field_set differ = fields_differ(noun, row, held);
    if (differ)
        find(checker, "organization %lld: %s %lld differs in %s", (long long)checker->image->organization_id, noun_name(noun),
             (long long)id, noun_fields(noun)[__builtin_ctzll(differ)].name);
}

static enum err check_user(void *context, struct op *op, const struct user *user)
{
    (void)op;
    struct checker *checker = context;
    uint32_t ordinal = image_find_user(checker->image, user->id);
    struct user held;
    checker->counts->users++;
    if (user->account_id && !number_set_has(&checker->accounts, user->account_id))
        find(checker, "user %lld refers to account %lld, which does not exist", (long long)user->id, (long long)user->account_id);
    if (ordinal == NO_ORDINAL || image_find_user_by_uuid(checker->image, &user->uuid) != ordinal) {
        find(checker, "user %lld is not found by its number or uuid", (long long)user->id);
        return ERR_OK;
    }
    image_get_user(checker->image, ordinal, &held);
    compare(checker, NOUN_USER, user->id, (union object){ .any = user }, (union object){ .user = &held });
    return ERR_OK;
}

static enum err check_group(void *context, struct op *op, const struct group *group)
{
    (void)op;
    struct checker *checker = context;
    uint32_t ordinal = image_find_group(checker->image, group->id);
    struct group held;
    checker->counts->groups++;
    if (ordinal == NO_ORDINAL || image_find_group_by_uuid(checker->image, &group->uuid) != ordinal) {
        find(checker, "group %lld is not found by its number or uuid", (long long)group->id);
        return ERR_OK;
    }
    image_get_group(checker->image, ordinal, &held);
    compare(checker, NOUN_GROUP, group->id, (union object){ .any = group }, (union object){ .group = &held });
    return ERR_OK;
}

static bool user_has_group(const struct user_record *user, uint32_t group)
{
    for (uint32_t i = 0; i < user->group_count; i++)
        if (user->groups[i] == group) return true;
    return false;
}

static enum err check_membership(void *context, struct op *op, const struct membership *membership)
{
    (void)op;
    struct checker *checker = context;
    const struct image *image = checker->image;
    uint32_t group = image_find_group(image, membership->group_id), user = image_find_user(image, membership->user_id);
    const struct member *member =
        group == NO_ORDINAL || user == NO_ORDINAL ? NULL : memberlist_find(&image->groups[group].members, user);
    checker->memberships++;
    if (!member || !user_has_group(&image->users[user], group)) {
        find(checker, "user %lld is a member of group %lld in only one direction", (long long)membership->user_id,
             (long long)membership->group_id);
        return ERR_OK;
    }
    struct membership held;
    image_get_membership(image, group, member, &held);
    compare(checker, NOUN_MEMBERSHIP, membership->group_id, (union object){ .any = membership },
            (union object){ .membership = &held });
    return ERR_OK;
}

static enum err check_nesting(void *context, struct op *op, const struct nesting *nesting)
{
    struct checker *checker = context;
    if (nesting_check(op, &checker->nestings, nesting->group_id, nesting->child_group_id)) {
        find(checker, "group %lld in group %lld: %s", (long long)nesting->child_group_id, (long long)nesting->group_id,
             op->failure.text);
        failure_clear(&op->failure);
    }
    nesting_add(&checker->nestings, nesting->group_id, nesting->child_group_id);
    return ERR_OK;
}

/* --- the image by itself --- */

static void check_names(struct checker *checker)
{
    const struct names *names = &checker->image->names;
    if (names->by_name_count != checker->image->living_count)
        find(checker, "organization %lld: %u groups by name, %u living", (long long)checker->image->organization_id,
             names->by_name_count, checker->image->living_count);
    for (uint32_t i = 1; i < names->by_name_count; i++) {
        uint32_t before = names->by_name[i - 1], here = names->by_name[i];
        if (names_compare(names, before, here) >= 0)
            find(checker, "organization %lld: names are not in order at group %lld", (long long)checker->image->organization_id,
                 (long long)checker->image->groups[here].id);
        if (checker->image->unique_group_names && strcmp(names_get(names, before), names_get(names, here)) == 0)
            find(checker, "organization %lld: groups %lld and %lld have one name", (long long)checker->image->organization_id,
                 (long long)checker->image->groups[before].id, (long long)checker->image->groups[here].id);
    }
}

/* --- an organization --- */

static enum err load(struct op *op, struct store *store, int64_t organization_id, struct image **ret_image)
{
    struct image *image = image_new(organization_id);
    struct store_sink sink;
    int64_t version;
    image_sink(image, &sink);
    enum err e = store_load(op, store, organization_id, &sink, NULL, &version);
    if (e) {
        image_drop(image);
        return e;
    }
    image_load_done(image, version);
    *ret_image = image;
    return ERR_OK;
}

static enum err compare_rows(struct op *op, struct store *store, struct checker *checker)
{
    struct store_sink sink = {
        .context = checker, .user = check_user, .group = check_group, .membership = check_membership, .nesting = check_nesting
    };
    struct check_counts before = *checker->counts;
    checker->memberships = 0;
    enum err e = store_load(op, store, checker->image->organization_id, &sink, NULL, &checker->version);
    nesting_free(&checker->nestings);
    if (e) return e;
    if (checker->version != checker->image->version) {
        *checker->counts = before; /* it changed in between: nothing was learnt */
        return ERR_STALE;
    }
    if (checker->memberships != checker->image->membership_count)
        find(checker, "organization %lld: %lld memberships stored, %lld in memory", (long long)checker->image->organization_id,
             (long long)checker->memberships, (long long)checker->image->membership_count);
    checker->counts->memberships += checker->memberships;
    check_names(checker);
    return ERR_OK;
}

static enum err check_organization(struct op *op, struct store *store, struct checker *checker, int64_t organization_id)
{
    enum { ATTEMPTS = 20 };
    enum err e = ERR_STALE;
    for (int attempt = 0; attempt < ATTEMPTS && e == ERR_STALE; attempt++) {
        e = load(op, store, organization_id, &checker->image);
        if (e) break;
        e = compare_rows(op, store, checker);
        image_drop(checker->image);
    }
    checker->counts->organizations++;
    return e == ERR_STALE
               ? op_fail(op, ERR_BUSY, "", "organization %lld changes too fast to be compared", (long long)organization_id)
               : e;
}

static enum err note_organization(void *context, struct op *op, const struct organization *organization)
{
    (void)op;
    struct checker *checker = context;
    if (organization->id != INSTALLATION) number_set_add(&checker->organizations, organization->id);
    return ERR_OK;
}

static enum err note_account(void *context, struct op *op, const struct account *account)
{
    (void)op;
    number_set_add(&((struct checker *)context)->accounts, account->id);
    return ERR_OK;
}

enum err directory_check(struct op *op, struct store *store, store_report_function report, void *context,
                         struct check_counts *ret_counts)
{
    *ret_counts = (struct check_counts){ 0 };
    struct checker checker = { .report = report, .context = context, .counts = ret_counts };
    struct store_sink sink = { .context = &checker, .organization = note_organization, .account = note_account };
    int64_t version, findings = 0;
    enum err e = store_check(op, store, report, context, &findings);
    if (!e) e = store_load(op, store, INSTALLATION, &sink, NULL, &version);
    for (size_t i = 0; i < checker.organizations.count && !e; i++)
        for (int64_t id = checker.organizations.ranges[i].first; id <= checker.organizations.ranges[i].last && !e; id++) {
            e = check_organization(op, store, &checker, id);
            arena_reset(&op->arena);
        }
    ret_counts->findings += findings;
    number_set_free(&checker.organizations);
    number_set_free(&checker.accounts);
    return e;
}
