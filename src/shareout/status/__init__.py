"""Journals → how it goes: counts, rates, forecasts and the state of each job, as data. Nothing here prints."""
