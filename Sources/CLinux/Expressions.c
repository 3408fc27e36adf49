// SPDX-License-Identifier: Apache-2.0
#include "CLinux.h"

#include <regex.h>

struct culvert_expression {
    regex_t compiled;
};

struct culvert_expression *culvert_compile_expression(const char *text, int ignores_case, int *problem) {
    struct culvert_expression *expression = malloc(sizeof *expression);
    *problem = REG_ESPACE;
    if (expression == NULL) return NULL;
    int flags = REG_EXTENDED | REG_NOSUB | (ignores_case ? REG_ICASE : 0);
    *problem = regcomp(&expression->compiled, text, flags);
    if (*problem == 0) return expression;
    free(expression);
    return NULL;
}

const char *culvert_expression_problem(int problem) {
    static char text[128];
    regerror(problem, NULL, text, sizeof text);
    return text;
}

int culvert_expression_matches(const struct culvert_expression *expression, const char *text) {
    return regexec(&expression->compiled, text, 0, NULL, 0) == 0;
}

void culvert_free_expression(struct culvert_expression *expression) {
    regfree(&expression->compiled);
    free(expression);
}
