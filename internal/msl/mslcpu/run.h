// Runs a kernel in Metal's language, which is included before this, on the processor.
// invoke calls it for one invocation.
//
// The invocations of a threadgroup are fibers: each runs until it meets a barrier or its
// end, then the next. They take turns forwards in one threadgroup and backwards in the
// next, so that a barrier that is missing, or does nothing, leaves one of both without
// what another should have written. A barrier that some meet and others do not is an
// error, as it is undefined in Metal.

#undef kernel
#undef device
#undef constant
#undef threadgroup

#include <ucontext.h>
#include <vector>

static void invoke(void *const *buffers, metal::uint3 local, metal::uint3 group);

namespace {

struct fiber {
	ucontext_t context;
	metal::uint3 local{0, 0, 0};
	bool done;
};

const size_t stack_size = 64 << 10;

ucontext_t scheduler;
fiber *current;
metal::uint3 group{0, 0, 0};
void *const *buffers;

void body()
{
	invoke(buffers, current->local, group);
	current->done = true;
	swapcontext(&current->context, &scheduler);
}

} // namespace

void metal::threadgroup_barrier(metal::mem_flags flags)
{
	if (flags == metal::mem_flags::mem_threadgroup)
		swapcontext(&current->context, &scheduler);
}

// msl_run runs groups[0] x groups[1] threadgroups of threads[0] x threads[1] invocations,
// and returns 0, or 1 for a barrier that not all meet.
extern "C" int msl_run(void *const *arguments, const uint32_t *groups, const uint32_t *threads)
{
	const size_t n = (size_t)threads[0] * threads[1];
	static std::vector<fiber> fibers;
	static std::vector<char> stacks;
	if (fibers.size() < n) {
		fibers.resize(n);
		stacks.resize(n * stack_size);
	}
	buffers = arguments;
	for (size_t g = 0; g < (size_t)groups[0] * groups[1]; g++) {
		group = {(metal::uint)(g % groups[0]), (metal::uint)(g / groups[0]), 0};
		for (size_t i = 0; i < n; i++) {
			fiber &f = fibers[i];
			getcontext(&f.context);
			f.context.uc_stack.ss_sp = &stacks[i * stack_size];
			f.context.uc_stack.ss_size = stack_size;
			f.context.uc_link = nullptr;
			f.local = {(metal::uint)(i % threads[0]), (metal::uint)(i / threads[0]), 0};
			f.done = false;
			makecontext(&f.context, body, 0);
		}
		for (size_t ended = 0; ended < n;) {
			ended = 0;
			for (size_t i = 0; i < n; i++) {
				current = &fibers[g % 2 ? n - 1 - i : i];
				swapcontext(&scheduler, &current->context);
				ended += current->done;
			}
			if (ended > 0 && ended < n)
				return 1;
		}
	}
	return 0;
}
