"""The page, one file per tab: functions first, layout last; every number comes from `core`."""
