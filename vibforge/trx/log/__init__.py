"""Clock logs: what ptp4l, phc2sys and TRX wrote, read in flat memory and held against limits."""
