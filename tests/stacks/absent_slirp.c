/* Built instead of stack_slirp.c where libslirp is not installed. */
#include "stack.h"

const struct stack *stack_slirp(void)
{
	return NULL;
}
