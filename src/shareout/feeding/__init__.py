"""Jobs from programs: a run that is served is fed by them, and tells them what became of each job."""
