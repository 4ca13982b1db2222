//go:build cgo && (darwin || gnustep)

#import <Foundation/Foundation.h>

#include "thermal.h"

#ifndef __APPLE__
// GNUstep's NSProcessInfo lacks it; package fake has it for the tests.
@interface NSProcessInfo (Thermal)
- (NSInteger)thermalState;
@end
#endif

int host_thermal_state(void)
{
	@autoreleasepool {
		return (int)[[NSProcessInfo processInfo] thermalState];
	}
}
