// host_thermal_state is the NSProcessInfoThermalState of the machine.
int host_thermal_state(void);
