// Package nvml reads NVIDIA's cards by the driver's management library,
// libnvidia-ml.so.1: clocks, power, energy, temperature, what holds the clock down, and
// who else uses the card.
//
// It never changes a setting: the methods that do are not among those that it can
// reach (see card). It asks for each function by name before it calls it, because the
// library is linked lazily and a call of one that an old driver lacks would end the
// process. Whatever fails is missing from the reading, and nothing more.
package nvml
