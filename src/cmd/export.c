#include "cmd/command.h"
#include "directory/ledger.h"
#include "model/fields.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct exporting {
    FILE *file;
    struct buf line;
    struct number_set deleted_groups; /* of all organizations: numbers are unique */
};

static enum err write_line(struct exporting *exporting, struct op *op, enum noun noun, union object object)
{
    buf_reset(&exporting->line);
    fields_write_line(&exporting->line, noun, object);
    buf_add_char(&exporting->line, '\n');
    if (fwrite(exporting->line.bytes, 1, exporting->line.size, exporting->file) == exporting->line.size) return ERR_OK;
    return op_fail(op, ERR_STORAGE, "", "the export cannot be written: %s", strerror(errno));
}

static enum err export_organization(void *context, struct op *op, const struct organization *organization)
{
    return write_line(context, op, NOUN_ORGANIZATION, (union object){ .any = organization });
}

static enum err export_account(void *context, struct op *op, const struct account *account)
{
    return write_line(context, op, NOUN_ACCOUNT, (union object){ .any = account });
}

static enum err export_user(void *context, struct op *op, const struct user *user)
{
    return user->deleted_at ? ERR_OK : write_line(context, op, NOUN_USER, (union object){ .any = user });
}

static enum err export_group(void *context, struct op *op, const struct group *group)
{
    struct exporting *exporting = context;
    if (!group->deleted_at) return write_line(exporting, op, NOUN_GROUP, (union object){ .any = group });
    number_set_add(&exporting->deleted_groups, group->id);
    return ERR_OK;
}

static enum err export_membership(void *context, struct op *op, const struct membership *membership)
{
    struct exporting *exporting = context;
    if (number_set_has(&exporting->deleted_groups, membership->group_id)) return ERR_OK;
    return write_line(exporting, op, NOUN_MEMBERSHIP, (union object){ .any = membership });
}

static enum err export_nesting(void *context, struct op *op, const struct nesting *nesting)
{
    struct exporting *exporting = context;
    if (number_set_has(&exporting->deleted_groups, nesting->group_id) ||
        number_set_has(&exporting->deleted_groups, nesting->child_group_id))
        return ERR_OK;
    return write_line(exporting, op, NOUN_NESTING, (union object){ .any = nesting });
}

static enum err export_credential(void *context, struct op *op, const struct credential *credential)
{
    return credential->revoked_at ? ERR_OK : write_line(context, op, NOUN_CREDENTIAL, (union object){ .any = credential });
}

enum err command_export_all(struct op *op, struct store *store, FILE *file)
{
    struct exporting exporting = { .file = file, .line = BUF_INIT(16 << 20) };
    struct store_sink sink = { .context = &exporting,
                               .organization = export_organization,
                               .account = export_account,
                               .user = export_user,
                               .group = export_group,
                               .membership = export_membership,
                               .nesting = export_nesting,
                               .credential = export_credential };
    enum err e = store_load_all(op, store, &sink);
    if (!e && fflush(file) != 0) e = op_fail(op, ERR_STORAGE, "", "the export cannot be written: %s", strerror(errno));
    buf_free(&exporting.line);
    number_set_free(&exporting.deleted_groups);
    return e;
}

/* Standard output without a path. */
static enum err open_file(struct op *op, const char *path, FILE **ret_file)
{
    *ret_file = path ? fopen(path, "wxe") : stdout;
    if (*ret_file) return ERR_OK;
    if (errno == EEXIST) return op_fail(op, ERR_EXISTS, "file", "%s exists", path); /* in the words of backup */
    return op_fail(op, ERR_INVALID, "file", "%s: %s", path, strerror(errno));
}

int command_export(struct command_line *line)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    struct store *store;
    if (command_open_store(&op, line, STORE_LOOK, &store)) return command_fail_op(&op);
    FILE *file = NULL;
    enum err e = open_file(&op, line->word_count ? line->words[0] : NULL, &file);
    if (!e) e = command_export_all(&op, store, file);
    if (!e && file != stdout && fsync(fileno(file)) != 0)
        e = op_fail(&op, ERR_STORAGE, "", "the export cannot be written: %s", strerror(errno));
    if (file && file != stdout) fclose(file);
    store_close(store);
    return e ? command_fail_op(&op) : EXIT_DONE;
}
