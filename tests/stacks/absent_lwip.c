/* Built instead of stack_lwip.c where lwIP is not installed. */
#include "stack.h"

const struct stack *stack_lwip(void)
{
	return NULL;
}
