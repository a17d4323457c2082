-- One database per service; no joins across them.
CREATE DATABASE consent;
CREATE DATABASE journal;
CREATE DATABASE assistant;
CREATE DATABASE meeting;
