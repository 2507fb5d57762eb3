#include "api/dialects.h"

#include "api/bold/bold.h"
#include "api/system/system.h"

const struct dialect *const dialects[] = {
    &dialect_bold,
    &dialect_system,
    NULL,
};
