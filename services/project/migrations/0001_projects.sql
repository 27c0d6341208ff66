-- Up Migration
create table projects (
  id text primary key,
  name text not null check (char_length(name) between 1 and 200),
  description text not null,
  architecture jsonb not null,
  component_count integer not null check (component_count >= 0),
  version integer not null check (version >= 1),
  owner_id text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- The history: every state a project was in, the newest included. Rows are only ever added.
create table project_versions (
  project_id text not null references projects (id) on delete cascade,
  version integer not null check (version >= 1),
  name text not null,
  description text not null,
  architecture jsonb not null,
  changed_by text not null,
  change text not null,
  created_at timestamptz not null,
  primary key (project_id, version)
);

-- Whose lists a project is in. What they may do is the auth service's to say.
create table project_members (
  project_id text not null references projects (id) on delete cascade,
  user_id text not null,
  role text not null check (role in ('owner', 'editor', 'viewer')),
  added_by text not null,
  added_at timestamptz not null,
  primary key (project_id, user_id)
);
create index project_members_user on project_members (user_id);

-- Who has a project open.
create table project_presence (
  project_id text not null references projects (id) on delete cascade,
  user_id text not null,
  username text not null,
  component text not null,
  last_seen_at timestamptz not null,
  primary key (project_id, user_id)
);

create table templates (
  id text primary key,
  owner_id text not null,
  name text not null check (char_length(name) between 1 and 200),
  description text not null,
  tags text[] not null,
  architecture jsonb not null,
  created_at timestamptz not null
);
create index templates_owner on templates (owner_id, created_at);

-- Down Migration
drop table templates;
drop table project_presence;
drop table project_members;
drop table project_versions;
drop table projects;
